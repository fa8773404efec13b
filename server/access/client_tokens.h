#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/access/client_identity.h"
#include "server/access/key_set.h"

namespace atrium {

// Which tokens of clients are taken, apart from whose keys they are signed with.
struct TokenRules {
  // The claim `iss` must be this. If it is empty, tokens of any issuer are taken that has one of the keys.
  std::string issuer;
  // The claim `aud` must be this, or a list with this in it.
  std::string audience;
  // So much may the issuer's clock differ from ours.
  absl::Duration leeway = absl::Seconds(30);
  size_t max_bytes = 4096;
  // There may be so much time between `iat` and `exp`.
  absl::Duration max_ttl = absl::Hours(24);
};

// Reads the token (JWT, RFC 7519) by which a client shows who it is and what it may do. Errors are TokenErrors, and
// those about a claim name it, such as `rooms[1].can[0]`. Claims that we have no meaning for are ignored.
absl::StatusOr<std::shared_ptr<const ClientIdentity>> ReadClientToken(absl::string_view token, const KeySet& keys,
                                                                      const TokenRules& rules, absl::Time now);

}  // namespace atrium
