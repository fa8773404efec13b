#include "client-sdk/cli/sign_token.h"

#include <cjose/cjose.h>

#include <boost/json/serialize.hpp>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "server/access/key_set.h"
#include "server/access/strict_json.h"
#include "server/common/status_macros.h"

namespace atrium::cli {
namespace {

constexpr int kMaxDepth = 8;
// These are of private RSA and EC keys; the last says what a key is used for, which of a private one is signing.
constexpr const char* kNotOfPublicPart[] = {"d", "p", "q", "dp", "dq", "qi", "key_ops"};

template <auto release>
struct Release {
  template <typename T>
  void operator()(T* object) const {
    release(object);
  }
};
using Jwk = std::unique_ptr<cjose_jwk_t, Release<cjose_jwk_release>>;
using Header = std::unique_ptr<cjose_header_t, Release<cjose_header_release>>;
using Jws = std::unique_ptr<cjose_jws_t, Release<cjose_jws_release>>;

absl::Status NoKey(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("holds no private JWK that tokens are signed with: ", why));
}

absl::StatusOr<json::object> ReadPrivateJwk(absl::string_view text) {
  auto jwk = ParseStrictObject(text, kMaxDepth);
  if (!jwk.ok()) return NoKey(jwk.status().message());
  if (jwk->contains("keys")) return NoKey("it is a JWK Set, which servers verify tokens with");
  const json::value* const type = jwk->if_contains("kty");
  const bool secret = type != nullptr && *type == "oct";
  if (!secret && jwk->contains("kty") && !jwk->contains("d")) return NoKey("it is a public key");
  return jwk;
}

// Reads the public part as the server does, so that both agree on the algorithm and on which keys are good.
absl::StatusOr<KeySet> ReadPublicPart(json::object jwk) {
  for (const char* member : kNotOfPublicPart) jwk.erase(member);
  auto keys = KeySet::Parse(json::serialize(jwk));
  if (!keys.ok()) return NoKey(keys.status().message());
  return keys;
}

// Returns null if cjose fails. Why is not told, because it knows the key.
Header MakeHeader(absl::string_view algorithm, const json::object& jwk) {
  Header header(cjose_header_new(nullptr));
  const auto set = [&](const char* name, const std::string& value) {
    return header != nullptr && cjose_header_set(header.get(), name, value.c_str(), nullptr);
  };
  if (!set(CJOSE_HDR_ALG, std::string(algorithm)) || !set("typ", "JWT")) return nullptr;
  const json::value* const kid = jwk.if_contains("kid");
  if (kid != nullptr && !set(CJOSE_HDR_KID, kid->get_string().c_str())) return nullptr;
  return header;
}

// Returns nothing if cjose fails.
std::string Sign(const json::object& jwk, absl::string_view algorithm, absl::string_view claims) {
  const std::string text = json::serialize(jwk);
  const Jwk key(cjose_jwk_import(text.data(), text.size(), nullptr));
  const Header header = MakeHeader(algorithm, jwk);
  if (key == nullptr || header == nullptr) return "";
  const auto* const payload = reinterpret_cast<const uint8_t*>(claims.data());
  const Jws jws(cjose_jws_sign(key.get(), header.get(), payload, claims.size(), nullptr));
  const char* compact = nullptr;
  return jws != nullptr && cjose_jws_export(jws.get(), &compact, nullptr) ? compact : "";
}

}  // namespace

absl::StatusOr<std::string> SignToken(absl::string_view jwk, absl::string_view claims) {
  ASSIGN_OR_RETURN(const json::object members, ReadPrivateJwk(jwk));
  ASSIGN_OR_RETURN(const KeySet keys, ReadPublicPart(members));
  // A set of one key has it for tokens that name none.
  const VerificationKey& key = *keys.Find(std::nullopt);
  std::string token = Sign(members, key.algorithm(), claims);
  // The private part may be broken, or that of another key.
  if (token.empty() || !key.Verifies(token)) return NoKey("its private part does not go with its public one");
  return token;
}

}  // namespace atrium::cli
