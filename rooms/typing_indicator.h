#pragma once

#include <string>

#include "absl/container/flat_hash_map.h"
#include "server/live/authoring/live_room.h"

namespace atrium::rooms {

// Tells the members of a room who is typing, for 3 s after the last sign of it, by the volatile event `typing`, whose
// data are a Typing. It is a member of a room class, and used by that room's hooks and methods only.
class TypingIndicator {
 public:
  explicit TypingIndicator(LiveRoomBase& room) : room_(room) {}

  // Takes a member's own `typing` event, before it is passed on. INVALID_ARGUMENT if it speaks of another.
  absl::Status OnEvent(const EventContext& event);
  // Says that the member types no more: it has sent what it typed, or is leaving.
  void Stop(const std::string& member_id);

 private:
  LiveRoomBase& room_;
  // The timers of those who type, by member.
  absl::flat_hash_map<std::string, Shard::TimerId> typing_;
};

}  // namespace atrium::rooms
