#pragma once

#include <algorithm>

#include "absl/container/inlined_vector.h"
#include "server/common/session_key.h"

namespace atrium {

// Who of a room gets a frame: its sessions, and the components that hear of it.
struct Audience {
  enum class Kind { kAll, kExcept, kOnly };
  using Keys = absl::InlinedVector<SessionKey, 2>;
  Kind kind = Kind::kAll;
  // How many of the keys are sessions.
  int sessions = 0;
  // The sessions and components that are left out, or named, are sorted here.
  Keys keys;

  bool Includes(SessionKey key) const {
    if (kind == Kind::kAll) return true;
    const bool named = std::binary_search(keys.begin(), keys.end(), key);
    return named == (kind == Kind::kOnly);
  }
  // Returns whether it is not for named members only.
  bool is_public() const { return kind != Kind::kOnly; }
};

}  // namespace atrium
