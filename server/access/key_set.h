#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/access/verification_key.h"

namespace atrium {

struct NamedKey {
  std::optional<std::string> kid;
  VerificationKey key;
};

// The keys that tokens may be signed with. It is immutable.
class KeySet {
 public:
  // Reads a JWK Set (RFC 7517), or one JWK. Keys that are not for verifying signatures, or not in a way that we take,
  // are skipped, because identity providers publish such keys along. INVALID_ARGUMENT naming the key (`keys[2].n`), and
  // never repeating any part of it, if one that we would take is broken, weak or private, or could not be told from
  // another; or if none is left.
  static absl::StatusOr<KeySet> Parse(absl::string_view jwks);

  // Returns the key that a token is to be verified with, whose header has that `kid`, or none; null if there is no such
  // key. A set of one key is used without a `kid` on either side. It lives as long as this, or what this is moved to.
  const VerificationKey* Find(std::optional<absl::string_view> kid) const;

  size_t size() const { return keys_.size(); }
  // Returns how many keys were skipped.
  size_t skipped() const { return skipped_; }

 private:
  std::vector<NamedKey> keys_;
  size_t skipped_ = 0;
};

}  // namespace atrium
