#include "tests/support/token_maker.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include <cstdlib>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace atrium {
namespace {

constexpr size_t kCoordinateBytes = 32;

void Require(bool condition) {
  if (!condition) std::abort();
}

const unsigned char* Bytes(absl::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

bool IsSecret(absl::string_view algorithm) { return absl::StartsWith(algorithm, "HS"); }
bool IsRsa(absl::string_view algorithm) { return !IsSecret(algorithm) && algorithm != "ES256"; }

const EVP_MD* Digest(absl::string_view algorithm) {
  if (absl::EndsWith(algorithm, "256")) return EVP_sha256();
  return absl::EndsWith(algorithm, "384") ? EVP_sha384() : EVP_sha512();
}

std::string RandomBytes(size_t size) {
  std::string bytes(size, '\0');
  Require(RAND_bytes(Bytes(bytes), static_cast<int>(size)) == 1);
  return bytes;
}

std::shared_ptr<EVP_PKEY> RsaKey() {
  static const std::shared_ptr<EVP_PKEY> key(EVP_RSA_gen(2048), EVP_PKEY_free);
  return key;
}

std::string NumberOf(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  Require(EVP_PKEY_get_bn_param(key, name, &number) == 1);
  std::string bytes(static_cast<size_t>(BN_num_bytes(number)), '\0');
  BN_bn2bin(number, Bytes(bytes));
  BN_free(number);
  return bytes;
}

std::string Coordinate(const EVP_PKEY* key, const char* name) {
  const std::string bytes = NumberOf(key, name);
  return std::string(kCoordinateBytes - bytes.size(), '\0') + bytes;
}

// Returns r and s, one behind the other, as JOSE has them (RFC 7518 section 3.4).
std::string RawSignature(absl::string_view der) {
  const unsigned char* begin = Bytes(der);
  ECDSA_SIG* const signature = d2i_ECDSA_SIG(nullptr, &begin, static_cast<long>(der.size()));
  Require(signature != nullptr);
  std::string raw(2 * kCoordinateBytes, '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(signature), Bytes(raw), kCoordinateBytes);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature), Bytes(raw) + kCoordinateBytes, kCoordinateBytes);
  ECDSA_SIG_free(signature);
  return raw;
}

std::string SignWithKey(absl::string_view algorithm, EVP_PKEY* key, absl::string_view input) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_PKEY_CTX* options = nullptr;
  Require(EVP_DigestSignInit(context.get(), &options, Digest(algorithm), nullptr, key) == 1);
  if (absl::StartsWith(algorithm, "PS")) {
    Require(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1);
    Require(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1);
  }
  size_t size = 0;
  Require(EVP_DigestSign(context.get(), nullptr, &size, Bytes(input), input.size()) == 1);
  std::string signature(size, '\0');
  Require(EVP_DigestSign(context.get(), Bytes(signature), &size, Bytes(input), input.size()) == 1);
  signature.resize(size);
  return IsRsa(algorithm) ? signature : RawSignature(signature);
}

}  // namespace

std::string Base64Url(absl::string_view bytes) { return absl::WebSafeBase64Escape(bytes); }

TokenMaker::TokenMaker(absl::string_view algorithm, absl::string_view kid) : algorithm_(algorithm), kid_(kid) {
  if (IsSecret(algorithm)) {
    secret_ = RandomBytes(static_cast<size_t>(EVP_MD_get_size(Digest(algorithm))));
  } else {
    key_ = IsRsa(algorithm) ? RsaKey() : std::shared_ptr<EVP_PKEY>(EVP_EC_gen("P-256"), EVP_PKEY_free);
    Require(key_ != nullptr);
  }
}

TokenMaker::TokenMaker(absl::string_view algorithm, absl::string_view kid, absl::string_view secret)
    : algorithm_(algorithm), kid_(kid), secret_(secret) {}

std::string TokenMaker::Header() const {
  return absl::StrCat(R"({"alg":")", algorithm_, R"(","kid":")", kid_, R"(","typ":"JWT"})");
}

std::string TokenMaker::Make(absl::string_view header, absl::string_view claims) const {
  return SignParts(Base64Url(header), Base64Url(claims));
}

std::string TokenMaker::SignParts(absl::string_view header, absl::string_view payload) const {
  const std::string input = absl::StrCat(header, ".", payload);
  return absl::StrCat(input, ".", Signature(input));
}

std::string TokenMaker::Signature(absl::string_view input) const { return Base64Url(SignatureBytes(input)); }

std::string TokenMaker::SignatureBytes(absl::string_view input) const {
  if (key_ != nullptr) return SignWithKey(algorithm_, key_.get(), input);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  Require(HMAC(Digest(algorithm_), secret_.data(), static_cast<int>(secret_.size()), Bytes(input), input.size(), digest,
               &size) != nullptr);
  return std::string(reinterpret_cast<const char*>(digest), size);
}

std::string TokenMaker::Jwk() const {
  const std::string names = absl::StrCat(R"("alg":")", algorithm_, R"(","kid":")", kid_, R"(")");
  if (key_ == nullptr) return absl::StrCat(R"({"kty":"oct","k":")", Base64Url(secret_), R"(",)", names, "}");
  if (IsRsa(algorithm_)) {
    return absl::StrCat(R"({"kty":"RSA","n":")", Base64Url(PublicBytes()), R"(","e":")",
                        Base64Url(NumberOf(key_.get(), OSSL_PKEY_PARAM_RSA_E)), R"(",)", names, "}");
  }
  const std::string point = PublicBytes();
  return absl::StrCat(R"({"kty":"EC","crv":"P-256","x":")", Base64Url(point.substr(0, kCoordinateBytes)), R"(","y":")",
                      Base64Url(point.substr(kCoordinateBytes)), R"(",)", names, "}");
}

std::string TokenMaker::PublicBytes() const {
  if (key_ == nullptr) return "";
  if (IsRsa(algorithm_)) return NumberOf(key_.get(), OSSL_PKEY_PARAM_RSA_N);
  return Coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X) + Coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y);
}

std::string TokenMaker::PublicPem() const {
  const std::unique_ptr<BIO, decltype(&BIO_free)> memory(BIO_new(BIO_s_mem()), BIO_free);
  Require(key_ != nullptr && PEM_write_bio_PUBKEY(memory.get(), key_.get()) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

std::string Jwks(const std::vector<TokenMaker>& makers) {
  const auto append = [](std::string* out, const TokenMaker& maker) { *out += maker.Jwk(); };
  return absl::StrCat(R"({"keys":[)", absl::StrJoin(makers, ",", append), "]}");
}

}  // namespace atrium
