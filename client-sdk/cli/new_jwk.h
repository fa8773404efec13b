#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace atrium::cli {

// A key for signing tokens, as JWKs (RFC 7517): the one that signs, and the one that verifies, which for HS256 is the
// same.
struct NewJwk {
  boost::json::object signs;
  boost::json::object verifies;
};

// Makes one. INVALID_ARGUMENT if the algorithm is none of ES256, RS256 and HS256.
absl::StatusOr<NewJwk> MakeJwk(absl::string_view algorithm, const std::string& kid);

}  // namespace atrium::cli
