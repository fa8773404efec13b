#include "server/access/token_fault.h"

#include <string>

#include "absl/strings/ascii.h"
#include "server/common/errors.h"

namespace atrium {

absl::string_view TokenFaultName(TokenFault fault) {
  switch (fault) {
    case TokenFault::kMalformed: return "malformed";
    case TokenFault::kUnknownKey: return "unknown_key";
    case TokenFault::kAlgorithm: return "algorithm";
    case TokenFault::kBadSignature: return "bad_signature";
    case TokenFault::kExpired: return "expired";
    case TokenFault::kNotYetValid: return "not_yet_valid";
    case TokenFault::kWrongAudience: return "wrong_audience";
    case TokenFault::kWrongIssuer: return "wrong_issuer";
    case TokenFault::kInvalidClaim: return "invalid_claim";
    case TokenFault::kRevoked: return "revoked";
  }
  return "unknown";
}

bool SignatureWasChecked(TokenFault fault) {
  return fault != TokenFault::kMalformed && fault != TokenFault::kUnknownKey && fault != TokenFault::kAlgorithm;
}

absl::Status TokenError(TokenFault fault, absl::string_view detail) {
  return MakeError(absl::StatusCode::kUnauthenticated, absl::AsciiStrToUpper(TokenFaultName(fault)), detail);
}

std::optional<TokenFault> FaultOf(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kUnauthenticated || !HasReason(status)) return std::nullopt;
  const std::string name = absl::AsciiStrToLower(ErrorReason(status));
  for (int i = 0; i < kTokenFaults; ++i) {
    const auto fault = static_cast<TokenFault>(i);
    if (TokenFaultName(fault) == name) return fault;
  }
  return std::nullopt;
}

}  // namespace atrium
