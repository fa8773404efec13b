#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace atrium {

enum class KeyType { kRsa, kP256, kSecret };

// A way to sign that we take (RFC 7518 section 3.1).
struct SignatureAlgorithm {
  absl::string_view name;  // as in the header `alg`
  KeyType key_type;
  size_t digest_bytes;
};

// Returns null if we take none of that name.
const SignatureAlgorithm* FindSignatureAlgorithm(absl::string_view name);
// Returns that of a key which does not say for which it is.
const SignatureAlgorithm& DefaultAlgorithm(KeyType type);

// A key that verifies signatures made in one way. It is immutable: to verify only reads it, on any number of threads.
class VerificationKey {
 public:
  // These take numbers as big-endian bytes. INVALID_ARGUMENT naming a member of `field` if the key is broken or weak.
  // The algorithm must be one for such keys.
  static absl::StatusOr<VerificationKey> FromRsa(absl::string_view field, const SignatureAlgorithm& algorithm,
                                                 std::string modulus, std::string exponent);
  static absl::StatusOr<VerificationKey> FromP256(absl::string_view field, const SignatureAlgorithm& algorithm,
                                                  std::string x, std::string y);
  static absl::StatusOr<VerificationKey> FromSecret(absl::string_view field, const SignatureAlgorithm& algorithm,
                                                    const std::string& secret);

  VerificationKey(VerificationKey&&) noexcept;
  VerificationKey& operator=(VerificationKey&&) noexcept;
  ~VerificationKey();

  // Returns its name.
  absl::string_view algorithm() const { return algorithm_->name; }
  // Its signatures have exactly this length.
  size_t signature_bytes() const { return signature_bytes_; }

  // Whether it has signed the JWS, in compact serialization. All else must have been checked: that the parts are strict
  // base64url, that the header names algorithm() and has nothing that would change what is verified, and that the
  // signature has signature_bytes().
  bool Verifies(absl::string_view compact) const;

 private:
  class Jwk;

  VerificationKey(const SignatureAlgorithm& algorithm, size_t signature_bytes, std::unique_ptr<const Jwk> jwk);

  const SignatureAlgorithm* algorithm_;
  size_t signature_bytes_;
  std::unique_ptr<const Jwk> jwk_;
};

}  // namespace atrium
