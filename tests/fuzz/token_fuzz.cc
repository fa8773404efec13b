// Feeds key sets and tokens to what verifies tokens: a key set is read or refused by name of a member, and no token is
// taken that was not signed with our key, whatever it says. The first byte chooses: `k` a key set, `t` a token, else
// the header and the claims of a token, a line each, that is signed here so that what is behind the signature is
// reached.
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/access/client_tokens.h"
#include "server/access/key_set.h"
#include "server/access/token_fault.h"
#include "server/common/errors.h"

namespace atrium {
namespace {

constexpr absl::string_view kSecret = "0123456789abcdef0123456789abcdef";
constexpr int64_t kNow = 1'800'000'000;

void Require(bool condition) {
  if (!condition) std::abort();
}

std::string Sign(absl::string_view input) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), kSecret.data(), kSecret.size(), reinterpret_cast<const unsigned char*>(input.data()), input.size(),
       digest, &size);
  return absl::WebSafeBase64Escape(absl::string_view(reinterpret_cast<const char*>(digest), size));
}

void CheckKeySet(absl::string_view text) {
  const absl::StatusOr<KeySet> set = KeySet::Parse(text);
  if (!set.ok()) {
    Require(!ErrorField(set.status()).empty() || ErrorReason(set.status()) == "INVALID_JSON");
    return;
  }
  Require(set->size() > 0);
  const VerificationKey* const only = set->Find(std::nullopt);
  Require((only != nullptr) == (set->size() == 1));
  if (only != nullptr) Require(!only->Verifies(absl::StrCat("e30.e30.", std::string(only->signature_bytes(), 'A'))));
}

void CheckIdentity(const ClientIdentity& identity) {
  Require(!identity.subject.empty() && identity.subject.size() <= 128 && identity.token_id.size() <= 128);
  Require(identity.issued < identity.expires && identity.expires - identity.issued <= absl::Hours(24));
  Require(identity.grants.size() <= 100 && !NestsDeeper(identity.info, 4) && JsonSize(identity.info) <= 2048);
}

void CheckToken(const std::string& token) {
  static const KeySet keys =
      *KeySet::Parse(absl::StrCat(R"({"kty":"oct","kid":"k","k":")", absl::WebSafeBase64Escape(kSecret), R"("})"));
  static const TokenRules rules{.audience = "a"};
  const auto read = [](absl::string_view text) {
    return ReadClientToken(text, keys, rules, absl::FromUnixSeconds(kNow));
  };
  const auto identity = read(token);
  if (!identity.ok()) {
    Require(FaultOf(identity.status()).has_value());
    return;
  }
  CheckIdentity(**identity);
  const size_t dot = token.rfind('.');
  Require(token.substr(dot + 1) == Sign(token.substr(0, dot)));
  // No other spelling of it is taken.
  std::string changed = token;
  changed[token.size() / 2] = static_cast<char>(changed[token.size() / 2] ^ 1);
  Require(!read(changed).ok() && !read(token + "=").ok());
}

void Check(absl::string_view input) {
  if (input.empty()) return;
  const absl::string_view rest = input.substr(1);
  if (input.front() == 'k') return CheckKeySet(rest);
  if (input.front() == 't') return CheckToken(std::string(rest));
  const std::pair<std::string, std::string> parts = absl::StrSplit(rest, absl::MaxSplits('\n', 1));
  const std::string signed_part =
      absl::StrCat(absl::WebSafeBase64Escape(parts.first), ".", absl::WebSafeBase64Escape(parts.second));
  CheckToken(absl::StrCat(signed_part, ".", Sign(signed_part)));
}

}  // namespace
}  // namespace atrium

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  atrium::Check({reinterpret_cast<const char*>(data), size});
  return 0;
}
