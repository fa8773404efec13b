#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace atrium {

// Returns INVALID_ARGUMENT naming `field` unless `id` is `^[A-Za-z0-9_:.-]{1,64}$`, not only dots, and not `stats`
// (which has a place of its own in the REST API).
absl::Status ValidateRoomId(absl::string_view field, absl::string_view id);

// Returns what stands before the first colon, or nothing if there is none. The registry knows whether that is a type.
absl::string_view TypePrefix(absl::string_view room_id);

}  // namespace atrium
