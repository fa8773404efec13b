#pragma once

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/common/errors.h"

namespace atrium::rooms {

// Characters, not bytes: continuation bytes of UTF-8 do not count.
inline size_t Characters(absl::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; });
}

// A name that a user gives itself: at most 30 characters. Empty for none.
inline bool IsUsername(absl::string_view name) { return Characters(name) <= 30; }

inline absl::Status InvalidUsername() {
  return InvalidField("state.username", "Invalid username: must have at most 30 characters");
}

}  // namespace atrium::rooms
