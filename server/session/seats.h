#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/api/caller.h"
#include "server/live/rooms/channel.h"

namespace atrium {

// The members of one session, which are the session itself and its components, and the rooms that they are in or about
// to join. A member is named by the key of its component; 0 is the session itself. Runs on the session's shard.
class Seats {
 public:
  struct Component {
    SessionKey key;
    std::string id;
  };
  struct Seat {
    SessionKey component;
    bool in = false;
    // Whether it is in by a grant of its client, and not because server code brought it in.
    bool granted = false;
    // This is how many of its joins the room has not decided yet. A member that is in may have some: the word that the
    // room has let go of it may still be on its way when it asks to come back.
    int joins = 0;
  };
  struct InRoom {
    // This is null while no member is in.
    std::shared_ptr<Channel> channel;
    absl::InlinedVector<Seat, 1> seats;
  };

  // `session_id` must outlive this object.
  explicit Seats(const std::string& session_id) : session_id_(session_id) {}

  // A component is mounted, or is no more. A seat may outlive it, until its room has let go of it.
  void Add(Component component) { components_.push_back(std::move(component)); }
  void Forget(SessionKey component);
  const std::vector<Component>& components() const { return components_; }
  // Returns the id of a member; it is empty if there is no such component.
  std::string IdOf(SessionKey component) const;

  // Reserves a seat for a member that asks to join, maybe again. Returns RESOURCE_EXHAUSTED if the session is in
  // `max_rooms` others (0: no limit).
  absl::Status Reserve(const std::string& room_id, SessionKey component, int max_rooms);
  // Says how the first of the member's undecided joins ended: with the member in, or as it was before.
  void Admitted(const std::string& room_id, SessionKey component, std::shared_ptr<Channel> channel, bool granted);
  void Unchanged(const std::string& room_id, SessionKey component);
  // Server code brings in a member that is in already.
  void MarkBrought(const std::string& room_id, SessionKey component);
  // The room has let go of the member.
  void Remove(const std::string& room_id, SessionKey component);

  // Returns null if no member is in the room, or about to join.
  const InRoom* Find(const std::string& room_id) const;
  // Returns how that member has come into the room. One whose join is not decided yet is taken for one that needs its
  // grants: the room may have let it in already.
  Caller::Entry EntryTo(const std::string& room_id, absl::string_view member_id) const;
  // A member that is in a room by a grant.
  struct Granted {
    std::string room_id;
    std::string member_id;
  };
  std::vector<Granted> GrantedSeats() const;
  // Returns null if no member is in the room.
  Channel* ChannelOf(const std::string& room_id) const;
  const absl::flat_hash_map<std::string, InRoom>& rooms() const { return rooms_; }
  bool IsIn(const std::string& room_id, SessionKey component) const;
  // Returns the ids of the members that are in the room.
  std::vector<std::string> MembersIn(const std::string& room_id) const;
  std::vector<std::string> RoomsOf(SessionKey component) const;

 private:
  // Gives the seat up if nobody is in it or about to be.
  void Tidy(const std::string& room_id, SessionKey component);
  Seat* FindSeat(const std::string& room_id, SessionKey component);

  const std::string& session_id_;
  absl::flat_hash_map<std::string, InRoom> rooms_;
  std::vector<Component> components_;
};

}  // namespace atrium
