#include "tests/support/credentials.h"

#include <openssl/sha.h>

#include <fstream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"

namespace atrium {

TestCredentials::TestCredentials(const std::vector<std::string>& more_keys)
    : keys_path_(directory_.path() + "/keys.yaml"), jwks_path_(directory_.path() + "/jwks.json") {
  std::vector<std::string> keys = {Key("all", R"([{methods: ["*"]}])")};
  keys.insert(keys.end(), more_keys.begin(), more_keys.end());
  WriteKeys(keys);
  WriteFile(jwks_path_, Jwks({issuer_}));
}

std::vector<std::string> TestCredentials::Flags() const {
  return {"--service-keys=" + keys_path_, "--client-jwks=" + jwks_path_, "--client-audience=atrium",
          "--client-issuer=shop"};
}

std::string TestCredentials::Secret(absl::string_view id) {
  return absl::StrCat("atk_", id, "_", std::string(43, 'x'));
}

std::string TestCredentials::Key(absl::string_view id, absl::string_view scopes) {
  const std::string secret = Secret(id);
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), digest);
  const absl::string_view bytes(reinterpret_cast<const char*>(digest), sizeof(digest));
  return absl::StrCat("{id: ", id, ", sha256: \"", absl::BytesToHexString(bytes), "\", scopes: ", scopes, "}");
}

void TestCredentials::WriteKeys(const std::vector<std::string>& keys) const {
  WriteFile(keys_path_, absl::StrCat("keys:\n  - ", absl::StrJoin(keys, "\n  - "), "\n"));
}

std::string TestCredentials::TokenWith(absl::string_view user, const Claims& claims) const {
  const absl::Time now = absl::Now();
  return issuer_.Make(absl::StrCat(
      R"({"iss":"shop","aud":"atrium","sub":")", user, R"(","iat":)", absl::ToUnixSeconds(now - absl::Minutes(1)),
      R"(,"exp":)", absl::ToUnixSeconds(now + claims.ttl), R"(,"rooms":)", claims.rooms, claims.more, "}"));
}

void WriteFile(const std::string& path, absl::string_view content) { std::ofstream(path) << content; }

}  // namespace atrium
