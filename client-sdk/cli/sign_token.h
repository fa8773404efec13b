#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace atrium::cli {

// Returns a token (JWT) with those claims, a JSON object, that is signed with a private JWK, in the way that a server
// expects of such a key: its `alg`, else RS256, ES256 or HS256. INVALID_ARGUMENT, which repeats nothing of the key, if
// it is none, or one that no server would take tokens of.
absl::StatusOr<std::string> SignToken(absl::string_view jwk, absl::string_view claims);

}  // namespace atrium::cli
