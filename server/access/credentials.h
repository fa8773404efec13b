#pragma once

#include "absl/strings/string_view.h"

namespace atrium {

// What a request shows of who sends it: the values of its header or metadata `authorization` and `x-api-key`, with
// commas between several of one name; empty if there is none.
struct Credentials {
  absl::string_view authorization;
  absl::string_view api_key;
};

// Returns the token of an `authorization` with the scheme Bearer (RFC 6750 section 2.1); empty if there is none.
absl::string_view BearerToken(absl::string_view authorization);

}  // namespace atrium
