#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/wire/json.h"

namespace atrium {

// Reads an object as ParseJson does, and refuses it if any object in it has a member twice, because another reader
// could take the other one. Objects and lists nest `max_depth` deep at most, the outermost included. Its errors are
// INVALID_ARGUMENT, and repeat nothing of `text` but names of members.
absl::StatusOr<json::object> ParseStrictObject(absl::string_view text, int max_depth);

}  // namespace atrium
