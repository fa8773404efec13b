#include "client-sdk/cli/new_jwk.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/types/span.h"
#include "client-sdk/cli/random_bytes.h"
#include "server/common/status_macros.h"

namespace atrium::cli {
namespace {

namespace json = boost::json;

constexpr size_t kModulusBits = 2048;
// RFC 7518 has coordinates and the private part of P-256 in full length, and other numbers without leading zeros.
constexpr int kP256Bytes = 32;
constexpr size_t kSecretBytes = 32;

// A member of a JWK, and its name in OpenSSL.
struct Number {
  const char* member;
  const char* parameter;
  bool secret;
};

constexpr Number kP256Numbers[] = {{"x", OSSL_PKEY_PARAM_EC_PUB_X, false},
                                   {"y", OSSL_PKEY_PARAM_EC_PUB_Y, false},
                                   {"d", OSSL_PKEY_PARAM_PRIV_KEY, true}};
constexpr Number kRsaNumbers[] = {
    {"n", OSSL_PKEY_PARAM_RSA_N, false},         {"e", OSSL_PKEY_PARAM_RSA_E, false},
    {"d", OSSL_PKEY_PARAM_RSA_D, true},          {"p", OSSL_PKEY_PARAM_RSA_FACTOR1, true},
    {"q", OSSL_PKEY_PARAM_RSA_FACTOR2, true},    {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1, true},
    {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2, true}, {"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1, true}};

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

absl::StatusOr<std::string> NumberOf(const EVP_PKEY* key, const char* parameter, int least_bytes) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, parameter, &number) != 1) {
    return absl::InternalError("OpenSSL does not tell the key that it has made");
  }
  std::string bytes(static_cast<size_t>(std::max(BN_num_bytes(number), least_bytes)), '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  BN_clear_free(number);
  return absl::WebSafeBase64Escape(bytes);
}

absl::Status AddNumbers(const Key& key, absl::Span<const Number> numbers, int least_bytes, NewJwk& jwk) {
  if (key == nullptr) return absl::InternalError("OpenSSL cannot make a key");
  for (const Number& number : numbers) {
    ASSIGN_OR_RETURN(const std::string text, NumberOf(key.get(), number.parameter, least_bytes));
    jwk.signs[number.member] = text;
    if (!number.secret) jwk.verifies[number.member] = text;
  }
  return absl::OkStatus();
}

NewJwk Named(const char* type, const char* algorithm, const std::string& kid) {
  const json::object names = {{"kty", type}, {"kid", kid}, {"use", "sig"}, {"alg", algorithm}};
  return {names, names};
}

absl::StatusOr<NewJwk> MakeP256(const std::string& kid) {
  NewJwk jwk = Named("EC", "ES256", kid);
  jwk.signs["crv"] = jwk.verifies["crv"] = "P-256";
  RETURN_IF_ERROR(AddNumbers(Key(EVP_EC_gen("P-256")), kP256Numbers, kP256Bytes, jwk));
  return jwk;
}

absl::StatusOr<NewJwk> MakeRsa(const std::string& kid) {
  NewJwk jwk = Named("RSA", "RS256", kid);
  RETURN_IF_ERROR(AddNumbers(Key(EVP_RSA_gen(kModulusBits)), kRsaNumbers, /*least_bytes=*/0, jwk));
  return jwk;
}

absl::StatusOr<NewJwk> MakeSecret(const std::string& kid) {
  NewJwk jwk = Named("oct", "HS256", kid);
  ASSIGN_OR_RETURN(const std::string secret, RandomBytes(kSecretBytes));
  jwk.signs["k"] = jwk.verifies["k"] = absl::WebSafeBase64Escape(secret);
  return jwk;
}

}  // namespace

absl::StatusOr<NewJwk> MakeJwk(absl::string_view algorithm, const std::string& kid) {
  if (algorithm == "ES256") return MakeP256(kid);
  if (algorithm == "RS256") return MakeRsa(kid);
  if (algorithm == "HS256") return MakeSecret(kid);
  return absl::InvalidArgumentError("the algorithm must be ES256, RS256 or HS256");
}

}  // namespace atrium::cli
