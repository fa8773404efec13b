#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace atrium {

// Why a token was refused.
enum class TokenFault {
  kMalformed,   // no token, or none of the kind that is asked for; found before anything else
  kUnknownKey,  // none of our keys is the one that it names
  kAlgorithm,   // not that of its key
  kBadSignature,
  kExpired,
  kNotYetValid,
  kWrongAudience,
  kWrongIssuer,
  kInvalidClaim,  // what it says, although signed, is not what it must be
  kRevoked,
};
inline constexpr int kTokenFaults = 10;

// Returns its name in metrics and logs, such as `bad_signature`.
absl::string_view TokenFaultName(TokenFault fault);

// Whether the signature of a token with that fault was looked at, which is what costs. It was good, unless that is the
// fault.
bool SignatureWasChecked(TokenFault fault);

// Returns UNAUTHENTICATED, whose reason is the fault's name in capitals. `detail` is shown to the caller. It must hold
// nothing of the token except as an Excerpt, and neither the token as a whole nor a signature or a key.
absl::Status TokenError(TokenFault fault, absl::string_view detail);

// Returns the fault that `status` was made for; nothing if it is no TokenError.
std::optional<TokenFault> FaultOf(const absl::Status& status);

}  // namespace atrium
