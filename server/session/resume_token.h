#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace atrium {

// Proves to the server that a client is the one of a session: the session's id, which says where to find it, the number
// of the connection that the token came over, and a secret. Kept without the id, which the session has.
class ResumeToken {
 public:
  // None.
  ResumeToken() = default;
  // A new one.
  explicit ResumeToken(uint32_t generation);

  std::string Text(absl::string_view session_id) const;
  // In a time that does not depend on where they differ. False if this is none.
  bool Is(absl::string_view token, absl::string_view session_id) const;

 private:
  uint32_t generation_ = 0;
  std::array<uint64_t, 2> secret_{};
};

// The session that the token is for, if it is one at all.
absl::string_view SessionOfResumeToken(absl::string_view token);

}  // namespace atrium
