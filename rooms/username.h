#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/common/errors.h"
#include "server/common/utf8.h"

namespace atrium::rooms {

// Returns whether it can be the name that a user gives itself: it has at most 30 characters. An empty one means none.
inline bool IsUsername(absl::string_view name) { return CountCharacters(name) <= 30; }

inline absl::Status InvalidUsername() {
  return InvalidField("state.username", "Invalid username: must have at most 30 characters");
}

}  // namespace atrium::rooms
