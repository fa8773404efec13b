#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/api/caller.h"

namespace atrium {

// Returns OK if a scope of the service allows the method in the room, or if it needs none; PERMISSION_DENIED, reason
// SCOPE_MISSING with method, room and key_id, if not. `room_id` is empty for a method that is not about one room.
absl::Status RequireScope(const Caller& caller, absl::string_view method, absl::string_view room_id = {},
                          bool typed = false);

// Returns the refusal of what only services and components may do.
absl::Status ServerCodeOnly();

}  // namespace atrium
