#include "server/access/verification_key.h"

#include <cjose/cjose.h>
#include <openssl/err.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/common/errors.h"

namespace atrium {
namespace {

constexpr SignatureAlgorithm kAlgorithms[] = {
    {"RS256", KeyType::kRsa, 32},    {"RS384", KeyType::kRsa, 48},    {"RS512", KeyType::kRsa, 64},
    {"PS256", KeyType::kRsa, 32},    {"PS384", KeyType::kRsa, 48},    {"PS512", KeyType::kRsa, 64},
    {"ES256", KeyType::kP256, 32},   {"HS256", KeyType::kSecret, 32}, {"HS384", KeyType::kSecret, 48},
    {"HS512", KeyType::kSecret, 64},
};

constexpr size_t kMinModulusBits = 2048;
constexpr size_t kMaxModulusBits = 4096;
// OpenSSL takes no more with long moduli, and a long one makes verifying slow.
constexpr size_t kMaxExponentBits = 64;
constexpr size_t kCoordinateBytes = 32;

struct ReleaseJws {
  void operator()(cjose_jws_t* jws) const { cjose_jws_release(jws); }
};

// What goes wrong in cjose leaves notes in OpenSSL's queue of this thread, where others who use it would take them for
// theirs. They are gone when this is.
class ErrorMark {
 public:
  ErrorMark() { ERR_set_mark(); }
  ~ErrorMark() { ERR_pop_to_mark(); }
  ErrorMark(const ErrorMark&) = delete;
  ErrorMark& operator=(const ErrorMark&) = delete;
};

// Returns how many bits a big-endian number has.
size_t BitLength(absl::string_view number) {
  number.remove_prefix(std::min(number.find_first_not_of('\0'), number.size()));
  if (number.empty()) return 0;
  return (number.size() - 1) * 8 + static_cast<size_t>(std::bit_width(static_cast<uint8_t>(number.front())));
}

bool IsOdd(absl::string_view number) { return !number.empty() && (number.back() & 1) != 0; }

uint8_t* Bytes(std::string& bytes) { return reinterpret_cast<uint8_t*>(bytes.data()); }

absl::Status InvalidMember(absl::string_view field, absl::string_view member, absl::string_view rule) {
  return InvalidField(absl::StrCat(field, ".", member), rule);
}

}  // namespace

const SignatureAlgorithm* FindSignatureAlgorithm(absl::string_view name) {
  const auto* const found = std::find_if(std::begin(kAlgorithms), std::end(kAlgorithms),
                                         [&](const SignatureAlgorithm& algorithm) { return algorithm.name == name; });
  return found == std::end(kAlgorithms) ? nullptr : found;
}

const SignatureAlgorithm& DefaultAlgorithm(KeyType type) {
  return *std::find_if(std::begin(kAlgorithms), std::end(kAlgorithms),
                       [&](const SignatureAlgorithm& algorithm) { return algorithm.key_type == type; });
}

// The one reference to a key of cjose. How many there are it counts without atomics, so that there are never more; what
// else verifying writes to it, OpenSSL does under a lock of its own.
class VerificationKey::Jwk {
 public:
  explicit Jwk(cjose_jwk_t* jwk) : jwk_(jwk) {}
  ~Jwk() { cjose_jwk_release(jwk_); }
  Jwk(const Jwk&) = delete;
  Jwk& operator=(const Jwk&) = delete;

  const cjose_jwk_t* get() const { return jwk_; }

 private:
  cjose_jwk_t* jwk_;
};

VerificationKey::VerificationKey(const SignatureAlgorithm& algorithm, size_t signature_bytes,
                                 std::unique_ptr<const Jwk> jwk)
    : algorithm_(&algorithm), signature_bytes_(signature_bytes), jwk_(std::move(jwk)) {}

VerificationKey::VerificationKey(VerificationKey&&) noexcept = default;
VerificationKey& VerificationKey::operator=(VerificationKey&&) noexcept = default;
VerificationKey::~VerificationKey() = default;

absl::StatusOr<VerificationKey> VerificationKey::FromRsa(absl::string_view field, const SignatureAlgorithm& algorithm,
                                                         std::string modulus, std::string exponent) {
  const size_t bits = BitLength(modulus);
  if (bits < kMinModulusBits || bits > kMaxModulusBits) {
    return InvalidMember(field, "n",
                         absl::StrCat("must have ", kMinModulusBits, " to ", kMaxModulusBits, " bits, not ", bits));
  }
  if (!IsOdd(modulus)) return InvalidMember(field, "n", "must be odd");
  const size_t exponent_bits = BitLength(exponent);
  if (!IsOdd(exponent) || exponent_bits < 2 || exponent_bits > kMaxExponentBits) {
    return InvalidMember(field, "e",
                         absl::StrCat("must be odd, greater than 1, and of at most ", kMaxExponentBits, " bits"));
  }
  cjose_jwk_rsa_keyspec spec{};
  spec.n = Bytes(modulus);
  spec.nlen = modulus.size();
  spec.e = Bytes(exponent);
  spec.elen = exponent.size();
  const ErrorMark mark;
  cjose_jwk_t* const jwk = cjose_jwk_create_RSA_spec(&spec, nullptr);
  if (jwk == nullptr) return InvalidField(field, "is no RSA key");
  return VerificationKey(algorithm, (bits + 7) / 8, std::make_unique<const Jwk>(jwk));
}

absl::StatusOr<VerificationKey> VerificationKey::FromP256(absl::string_view field, const SignatureAlgorithm& algorithm,
                                                          std::string x, std::string y) {
  if (x.size() != kCoordinateBytes) return InvalidMember(field, "x", "must have 32 bytes");
  if (y.size() != kCoordinateBytes) return InvalidMember(field, "y", "must have 32 bytes");
  cjose_jwk_ec_keyspec spec{};
  spec.crv = CJOSE_JWK_EC_P_256;
  spec.x = Bytes(x);
  spec.xlen = x.size();
  spec.y = Bytes(y);
  spec.ylen = y.size();
  const ErrorMark mark;
  cjose_jwk_t* const jwk = cjose_jwk_create_EC_spec(&spec, nullptr);
  if (jwk == nullptr) return InvalidField(field, "must be a point on the curve P-256");
  return VerificationKey(algorithm, 2 * kCoordinateBytes, std::make_unique<const Jwk>(jwk));
}

absl::StatusOr<VerificationKey> VerificationKey::FromSecret(absl::string_view field,
                                                            const SignatureAlgorithm& algorithm,
                                                            const std::string& secret) {
  // RFC 7518 section 3.2: a key is not shorter than the digest.
  if (secret.size() < algorithm.digest_bytes) {
    return InvalidMember(field, "k",
                         absl::StrCat("must have at least ", algorithm.digest_bytes, " bytes for ", algorithm.name));
  }
  cjose_jwk_t* const jwk =
      cjose_jwk_create_oct_spec(reinterpret_cast<const uint8_t*>(secret.data()), secret.size(), nullptr);
  if (jwk == nullptr) return InvalidField(field, "is no secret key");
  return VerificationKey(algorithm, algorithm.digest_bytes, std::make_unique<const Jwk>(jwk));
}

bool VerificationKey::Verifies(absl::string_view compact) const {
  const ErrorMark mark;
  const std::unique_ptr<cjose_jws_t, ReleaseJws> jws(cjose_jws_import(compact.data(), compact.size(), nullptr));
  return jws != nullptr && cjose_jws_verify(jws.get(), jwk_->get(), nullptr);
}

}  // namespace atrium
