#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

struct evp_pkey_st;

namespace atrium {

// An issuer of tokens: a key of its own, made at random, and JWTs that are signed with it. Headers and claims are JSON
// as it is given, so that they may be wrong in any way.
class TokenMaker {
 public:
  // `algorithm` is one of RS256 to RS512, PS256 to PS512, ES256, HS256 to HS512. All with RSA in a process have one key
  // of 2048 bits.
  explicit TokenMaker(absl::string_view algorithm, absl::string_view kid = "test");
  // One that signs with that secret, for HS256 to HS512.
  TokenMaker(absl::string_view algorithm, absl::string_view kid, absl::string_view secret);

  // Returns a token with those claims, whose header has `alg`, `kid` and `typ`.
  std::string Make(absl::string_view claims) const { return Make(Header(), claims); }
  std::string Make(absl::string_view header, absl::string_view claims) const;
  // Returns the header that Make has.
  std::string Header() const;

  // Returns the signature, in base64url, of `input`, which is all that stands before the second dot.
  std::string Signature(absl::string_view input) const;
  // Returns a token of parts that are base64url already, or something else.
  std::string SignParts(absl::string_view header, absl::string_view payload) const;

  // Returns the JWK that verifies them: the public key, or the secret.
  std::string Jwk() const;
  // Returns what of the key everybody may know: of RSA the modulus, of a P-256 key x and y, of others nothing.
  std::string PublicBytes() const;
  // Returns the same key as PEM.
  std::string PublicPem() const;

 private:
  std::string SignatureBytes(absl::string_view input) const;

  std::string algorithm_;
  std::string kid_;
  // One of these is empty.
  std::string secret_;
  std::shared_ptr<evp_pkey_st> key_;
};

// Returns a JWK Set of the keys of all these.
std::string Jwks(const std::vector<TokenMaker>& makers);

std::string Base64Url(absl::string_view bytes);

}  // namespace atrium
