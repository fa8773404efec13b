#include "server/access/credentials.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace atrium {

absl::string_view BearerToken(absl::string_view authorization) {
  constexpr absl::string_view kScheme = "bearer ";
  if (!absl::StartsWithIgnoreCase(authorization, kScheme)) return {};
  return absl::StripAsciiWhitespace(authorization.substr(kScheme.size()));
}

}  // namespace atrium
