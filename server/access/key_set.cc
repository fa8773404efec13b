#include "server/access/key_set.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/access/base64url.h"
#include "server/access/strict_json.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"

namespace atrium {
namespace {

constexpr int kMaxKeySetDepth = 8;

// One element of a set, and its name in errors, such as `keys[2]`.
struct Jwk {
  std::string field;
  const json::object& members;

  absl::Status Invalid(absl::string_view member, absl::string_view rule) const {
    return InvalidField(absl::StrCat(field, ".", member), rule);
  }
  absl::StatusOr<std::optional<absl::string_view>> Text(absl::string_view member) const {
    const json::value* const value = members.if_contains(FromView(member));
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) return Invalid(member, "must be a string");
    return ToView(value->get_string());
  }
  absl::StatusOr<std::string> Bytes(absl::string_view member) const {
    ASSIGN_OR_RETURN(const std::optional<absl::string_view> text, Text(member));
    std::optional<std::string> bytes = ReadBase64Url(text.value_or(""));
    if (!bytes || bytes->empty()) return Invalid(member, "must be base64url without padding");
    return *std::move(bytes);
  }
};

// Returns whether the key says that it verifies signatures, or nothing about it.
absl::StatusOr<bool> IsForVerifying(const Jwk& jwk) {
  ASSIGN_OR_RETURN(const std::optional<absl::string_view> use, jwk.Text("use"));
  if (use && *use != "sig") return false;
  const json::value* const operations = jwk.members.if_contains("key_ops");
  if (operations == nullptr) return true;
  const json::array* const list = operations->if_array();
  if (list == nullptr || !std::all_of(list->begin(), list->end(), [](const json::value& v) { return v.is_string(); })) {
    return jwk.Invalid("key_ops", "must be a list of strings");
  }
  return std::find(list->begin(), list->end(), json::value("verify")) != list->end();
}

// Returns nothing for a kind of key that we do not take.
absl::StatusOr<std::optional<KeyType>> TypeOf(const Jwk& jwk) {
  ASSIGN_OR_RETURN(const std::optional<absl::string_view> kty, jwk.Text("kty"));
  if (!kty) return jwk.Invalid("kty", "is missing");
  if (*kty == "RSA") return KeyType::kRsa;
  if (*kty == "oct") return KeyType::kSecret;
  if (*kty != "EC") return std::nullopt;
  ASSIGN_OR_RETURN(const std::optional<absl::string_view> curve, jwk.Text("crv"));
  if (!curve) return jwk.Invalid("crv", "is missing");
  return *curve == "P-256" ? std::optional(KeyType::kP256) : std::nullopt;
}

// Returns null if it is for an algorithm that we do not take with such keys.
absl::StatusOr<const SignatureAlgorithm*> AlgorithmOf(const Jwk& jwk, KeyType type) {
  ASSIGN_OR_RETURN(const std::optional<absl::string_view> name, jwk.Text("alg"));
  if (!name) return &DefaultAlgorithm(type);
  const SignatureAlgorithm* const algorithm = FindSignatureAlgorithm(*name);
  return algorithm != nullptr && algorithm->key_type == type ? algorithm : nullptr;
}

absl::Status CheckPublic(const Jwk& jwk) {
  // A private key of any kind has one of these (RFC 7518 section 6, RFC 8037).
  for (const char* member : {"d", "p", "q", "dp", "dq", "qi", "oth", "priv"}) {
    if (jwk.members.contains(member)) return InvalidField(jwk.field, "is a private key; give its public part");
  }
  return absl::OkStatus();
}

absl::StatusOr<VerificationKey> MakeKey(const Jwk& jwk, KeyType type, const SignatureAlgorithm& algorithm) {
  if (type == KeyType::kSecret) {
    ASSIGN_OR_RETURN(const std::string secret, jwk.Bytes("k"));
    return VerificationKey::FromSecret(jwk.field, algorithm, secret);
  }
  const bool rsa = type == KeyType::kRsa;
  ASSIGN_OR_RETURN(std::string first, jwk.Bytes(rsa ? "n" : "x"));
  ASSIGN_OR_RETURN(std::string second, jwk.Bytes(rsa ? "e" : "y"));
  const auto make = rsa ? VerificationKey::FromRsa : VerificationKey::FromP256;
  return make(jwk.field, algorithm, std::move(first), std::move(second));
}

// Returns nothing for a key that is skipped.
absl::StatusOr<std::optional<NamedKey>> ReadKey(const Jwk& jwk) {
  ASSIGN_OR_RETURN(const std::optional<KeyType> type, TypeOf(jwk));
  // It is refused even where it would be skipped: this server should not hold it.
  if (type != KeyType::kSecret) RETURN_IF_ERROR(CheckPublic(jwk));
  ASSIGN_OR_RETURN(const bool verifies, IsForVerifying(jwk));
  if (!type || !verifies) return std::nullopt;
  ASSIGN_OR_RETURN(const SignatureAlgorithm* const algorithm, AlgorithmOf(jwk, *type));
  if (algorithm == nullptr) return std::nullopt;
  ASSIGN_OR_RETURN(const std::optional<absl::string_view> kid, jwk.Text("kid"));
  ASSIGN_OR_RETURN(VerificationKey key, MakeKey(jwk, *type, *algorithm));
  return NamedKey{kid ? std::optional<std::string>(*kid) : std::nullopt, std::move(key)};
}

// What a set is made of, while it is read.
struct Collection {
  std::vector<NamedKey> keys;
  size_t skipped = 0;
  // This is the field of a key without an id.
  std::string unnamed;

  absl::Status Add(const Jwk& jwk) {
    ASSIGN_OR_RETURN(std::optional<NamedKey> key, ReadKey(jwk));
    if (!key) {
      ++skipped;
      return absl::OkStatus();
    }
    if (!key->kid) unnamed = jwk.field;
    const auto has_same = [&](const NamedKey& other) { return key->kid && other.kid == key->kid; };
    if (std::any_of(keys.begin(), keys.end(), has_same)) return jwk.Invalid("kid", "is that of an earlier key");
    keys.push_back(*std::move(key));
    return absl::OkStatus();
  }
};

absl::Status AddAll(const json::value& list, Collection& collection) {
  if (!list.is_array()) return InvalidField("keys", "must be a list");
  for (size_t i = 0; i < list.get_array().size(); ++i) {
    const std::string field = absl::StrCat("keys[", i, "]");
    const json::object* const members = list.get_array()[i].if_object();
    if (members == nullptr) return InvalidField(field, "must be an object");
    RETURN_IF_ERROR(collection.Add({field, *members}));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<KeySet> KeySet::Parse(absl::string_view jwks) {
  ASSIGN_OR_RETURN(const json::object document, ParseStrictObject(jwks, kMaxKeySetDepth));
  const json::value* const list = document.if_contains("keys");
  Collection collection;
  RETURN_IF_ERROR(list == nullptr ? collection.Add({"key", document}) : AddAll(*list, collection));
  if (collection.keys.empty()) {
    return InvalidField("keys",
                        "none can verify signatures (RSA, P-256 or oct, for RS, PS or HS 256 to 512, or ES256)");
  }
  if (collection.keys.size() > 1 && !collection.unnamed.empty()) {
    return InvalidField(collection.unnamed, "needs a kid, because it is not the only key");
  }
  KeySet set;
  set.keys_ = std::move(collection.keys);
  set.skipped_ = collection.skipped;
  return set;
}

const VerificationKey* KeySet::Find(std::optional<absl::string_view> kid) const {
  // The name of a token's key tells it from others. Where there are none, it may be left out on either side.
  if (keys_.size() == 1 && (!kid || !keys_.front().kid)) return &keys_.front().key;
  const auto found =
      std::find_if(keys_.begin(), keys_.end(), [&](const NamedKey& key) { return kid && key.kid == *kid; });
  return found == keys_.end() ? nullptr : &found->key;
}

}  // namespace atrium
