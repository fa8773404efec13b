#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "server/live/channel.h"

namespace atrium {

// The rooms that the members of one session are in or about to join. Members are named by the key of their component; 0
// is the session itself. On the session's shard.
class Seats {
 public:
  struct Seat {
    SessionKey component;
    bool in = false;
    // A join is being decided. Also of a member that is in: the word that the room has let go of it may still be on its
    // way when it asks to come back.
    bool joining = false;
  };
  struct InRoom {
    // Null while no member is in.
    std::shared_ptr<Channel> channel;
    absl::InlinedVector<Seat, 1> seats;
  };

  // A join begins, or is repeated. RESOURCE_EXHAUSTED if the session is in `max_rooms` others (0: no limit), ABORTED
  // while a join of this member is pending.
  absl::Status Begin(const std::string& room_id, SessionKey component, int max_rooms);
  // How a join ended: with the member in, or as it was before.
  void Admitted(const std::string& room_id, SessionKey component, std::shared_ptr<Channel> channel);
  void Unchanged(const std::string& room_id, SessionKey component);
  // The room has let go of the member.
  void Remove(const std::string& room_id, SessionKey component);

  // Null if no member is in it, or about to join.
  const InRoom* Find(const std::string& room_id) const;
  const absl::flat_hash_map<std::string, InRoom>& rooms() const { return rooms_; }
  std::vector<std::string> RoomsOf(SessionKey component) const;

 private:
  // Forgets the seat if nobody is in it or about to be.
  void Tidy(const std::string& room_id, SessionKey component);
  Seat* FindSeat(const std::string& room_id, SessionKey component);

  absl::flat_hash_map<std::string, InRoom> rooms_;
};

}  // namespace atrium
