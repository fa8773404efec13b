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
    // The room has not decided yet.
    bool pending;
  };
  struct InRoom {
    // Null until a member is in.
    std::shared_ptr<Channel> channel;
    absl::InlinedVector<Seat, 1> seats;
  };

  // A join begins, or is repeated. RESOURCE_EXHAUSTED if the session is in `max_rooms` others (0: no limit), ABORTED
  // while a join of this member is pending.
  absl::Status Begin(const std::string& room_id, SessionKey component, int max_rooms);
  void Admitted(const std::string& room_id, SessionKey component, std::shared_ptr<Channel> channel);
  // Does nothing for a member that was in before.
  void Refused(const std::string& room_id, SessionKey component);
  void Remove(const std::string& room_id, SessionKey component);

  // Null if no member is in it, or about to join.
  const InRoom* Find(const std::string& room_id) const;
  const absl::flat_hash_map<std::string, InRoom>& rooms() const { return rooms_; }
  std::vector<std::string> RoomsOf(SessionKey component) const;

 private:
  Seat* FindSeat(const std::string& room_id, SessionKey component);

  absl::flat_hash_map<std::string, InRoom> rooms_;
};

}  // namespace atrium
