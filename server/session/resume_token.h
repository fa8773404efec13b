#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace atrium {

// Proves to the server that a client is the one of a session. It holds the session's id, which says where to find the
// session, the number of the connection that the token was sent over, and a secret. It is kept without the id, because
// the session has that.
class ResumeToken {
 public:
  // Makes one that no token matches.
  ResumeToken() = default;
  // Makes one with a new secret; `generation` is at least 1.
  explicit ResumeToken(uint32_t generation);

  std::string Text(absl::string_view session_id) const;
  // Compares in a time that does not depend on where the two differ. Nothing matches a default-constructed one.
  bool Is(absl::string_view token, absl::string_view session_id) const;

 private:
  uint32_t generation_ = 0;
  std::array<uint64_t, 2> secret_{};
};

// Returns the id of the session that the token is for, if it is a token at all.
absl::string_view SessionOfResumeToken(absl::string_view token);

}  // namespace atrium
