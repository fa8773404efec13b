#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace atrium {

// `<session id>.<generation>.<secret>`: what a client shows to go on with its session. Its secret is 128 bits of the
// system's randomness.
std::string NewResumeToken(absl::string_view session_id, uint32_t generation);

// The part that names the session, well formed or not.
absl::string_view SessionOfResumeToken(absl::string_view token);

// In a time that does not depend on where they differ.
bool SameToken(absl::string_view a, absl::string_view b);

}  // namespace atrium
