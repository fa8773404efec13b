#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/access/key_set.h"

namespace atrium {

// What tells one kind of token from another, so that none passes for one of another kind.
struct JwsKind {
  // These are the values of the header `typ`, in lower case and without `application/`.
  absl::Span<const absl::string_view> types;
  // Whether `typ` may be absent.
  bool type_optional = false;
};

// Returns the payload of a JWS in compact serialization (RFC 7515) of at most `max_bytes`, of that kind, that is signed
// with one of `keys`, in the way which that key is for. Anything that would let the header choose what is verified, or
// with what key, is refused. Errors are TokenErrors: kMalformed, kUnknownKey, kAlgorithm or kBadSignature.
absl::StatusOr<std::string> VerifyJws(absl::string_view token, const KeySet& keys, const JwsKind& kind,
                                      size_t max_bytes);

}  // namespace atrium
