#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/api/caller.h"
#include "server/api/verb.h"

namespace atrium {

class RoomRegistry;

// Decides who may ask what, by the caller's kind, the verb and the type of the room. What depends on who is in the room
// is the room's to decide. It is constant, so that any thread may ask it.
class Authorizer {
 public:
  // `registry` must outlive it.
  explicit Authorizer(const RoomRegistry& registry) : registry_(registry) {}

  // Returns OK, or why not: PERMISSION_DENIED, or FAILED_PRECONDITION if nobody may. `room_id` is empty for a verb that
  // is not about one room; an id that no room can have is one of an untyped room. `method` is that of a Call. `steps`,
  // if it is not null, gets a sentence for each condition that was tried, in their order.
  absl::Status Authorize(const Caller& caller, Verb verb, absl::string_view room_id = {}, absl::string_view method = {},
                         std::vector<std::string>* steps = nullptr) const;

  // Returns OK if the caller may say what others see of a member that joins; INVALID_ARGUMENT naming `info` if not.
  absl::Status AuthorizeInfo(const Caller& caller) const;
  // Returns OK if a client may mount a component of that type.
  absl::Status AuthorizeMount(const Caller& caller, absl::string_view component) const;

  // Whether ListRooms shows the caller a listed room of that id: a client one that it may watch.
  bool MayList(const Caller& caller, absl::string_view room_id) const;

 private:
  struct Inquiry;

  const RoomRegistry& registry_;
};

}  // namespace atrium
