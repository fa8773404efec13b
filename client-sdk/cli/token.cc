// The command that signs a token. It calls nobody.

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cstdint>
#include <iostream>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client-sdk/cli/commands.h"
#include "client-sdk/cli/random_bytes.h"
#include "client-sdk/cli/secret_file.h"
#include "client-sdk/cli/sign_token.h"
#include "server/access/client_identity.h"
#include "server/access/strict_json.h"
#include "server/common/status_macros.h"

namespace atrium::cli {
namespace {

using Texts = std::vector<std::string>;

constexpr size_t kMaxFileBytes = size_t{64} * 1024;
constexpr int kMaxDepth = 16;
constexpr int kMaxConnections = 1000;
constexpr size_t kTokenIdBytes = 16;

std::string VerbNames() {
  std::vector<absl::string_view> names;
  for (int i = 0; i < kGrantVerbs; ++i) names.push_back(GrantVerbName(static_cast<GrantVerb>(i)));
  return absl::StrJoin(names, ", ");
}

// Reads PATTERN=VERB,VERB. Whether the pattern is one, the server decides.
absl::StatusOr<json::value> ReadGrant(const std::string& text) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
  const auto& [room, verbs] = parts;
  if (room.empty() || verbs.empty()) {
    return BadUsage(
        absl::StrCat("--room must be PATTERN=VERB,VERB such as 'geral=join,emit', with verbs of: ", VerbNames()));
  }
  json::array can;
  for (const absl::string_view verb : absl::StrSplit(verbs, ',')) {
    const absl::string_view name = absl::StripAsciiWhitespace(verb);
    if (!FindGrantVerb(name)) {
      return BadUsage(absl::StrCat("--room ", room, ": there is no verb '", name, "', only: ", VerbNames()));
    }
    can.push_back(FromView(name));
  }
  return json::value{{"room", room}, {"can", std::move(can)}};
}

absl::StatusOr<json::object> ReadInfo(const std::string& text) {
  auto info = ParseStrictObject(text, kMaxDepth);
  if (!info.ok()) return BadUsage(absl::StrCat("--info: ", info.status().message()));
  return info;
}

absl::StatusOr<int64_t> ReadTtl(const std::string& text) {
  absl::Duration ttl;
  if (!absl::ParseDuration(text, &ttl) || ttl < absl::Seconds(1) || ttl > absl::Hours(24 * 365)) {
    return BadUsage("--ttl must be a duration from 1s to 8760h, such as 90s, 10m or 24h");
  }
  return absl::ToInt64Seconds(ttl);
}

// Adds what flags say, as far as they are given.
absl::Status AddRights(const Invocation& invocation, json::object& claims) {
  if (invocation.has("room")) {
    json::array grants;
    for (const std::string& text : invocation.flag<Texts>("room")) {
      ASSIGN_OR_RETURN(json::value grant, ReadGrant(text));
      grants.push_back(std::move(grant));
    }
    claims["rooms"] = std::move(grants);
  }
  if (invocation.has("component")) {
    const auto names = invocation.flag<Texts>("component");
    claims["components"] = json::array(names.begin(), names.end());
  }
  if (!invocation.has("max-connections")) return absl::OkStatus();
  const int connections = invocation.flag<int>("max-connections");
  if (connections < 1 || connections > kMaxConnections) return BadUsage("--max-connections must be from 1 to 1000");
  claims["max_connections"] = connections;
  return absl::OkStatus();
}

absl::StatusOr<json::object> ClaimsOfFlags(const Invocation& invocation, int64_t now) {
  json::object claims;
  for (const char* name : {"sub", "iss"}) {
    if (invocation.has(name)) claims[name] = invocation.flag<std::string>(name);
  }
  if (!invocation.flags["aud"].defaulted()) claims["aud"] = invocation.flag<std::string>("aud");
  ASSIGN_OR_RETURN(const int64_t ttl, ReadTtl(invocation.flag<std::string>("ttl")));
  if (!invocation.flags["ttl"].defaulted()) claims["exp"] = now + ttl;
  if (invocation.has("info")) {
    ASSIGN_OR_RETURN(claims["info"], ReadInfo(invocation.flag<std::string>("info")));
  }
  RETURN_IF_ERROR(AddRights(invocation, claims));
  return claims;
}

// Adds what the file of --claims says, which no flag may say too.
absl::Status AddClaimsOfFile(const Invocation& invocation, json::object& claims) {
  if (!invocation.has("claims")) return absl::OkStatus();
  const SecretFile file{.named_by = "--claims", .path = invocation.flag<std::string>("claims")};
  const auto text = ReadSecretFile(file, kMaxFileBytes);
  if (!text.ok()) return BadUsage(text.status().message());
  const auto more = ParseStrictObject(*text, kMaxDepth);
  if (!more.ok())
    return BadUsage(WrongFile(file, absl::StrCat("holds no claims: ", more.status().message())).message());
  for (const auto& [name, value] : *more) {
    if (!claims.emplace(name, value).second) {
      return BadUsage(WrongFile(file, absl::StrCat("has '", ToView(name), "', which a flag says too")).message());
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<json::object> MakeClaims(const Invocation& invocation) {
  const int64_t now = absl::ToUnixSeconds(absl::Now());
  ASSIGN_OR_RETURN(json::object claims, ClaimsOfFlags(invocation, now));
  RETURN_IF_ERROR(AddClaimsOfFile(invocation, claims));
  if (!claims.contains("sub") || claims["sub"] == "") return BadUsage("name the user with --sub");
  ASSIGN_OR_RETURN(const std::string id, RandomBytes(kTokenIdBytes));
  ASSIGN_OR_RETURN(const int64_t ttl, ReadTtl(invocation.flag<std::string>("ttl")));
  claims.emplace("aud", invocation.flag<std::string>("aud"));
  claims.emplace("iat", now);
  claims.emplace("exp", now + ttl);
  claims.emplace("jti", absl::WebSafeBase64Escape(id));
  return claims;
}

void WarnOfReaders(const std::string& path, absl::string_view what) {
  if (EverybodyMayRead(path)) std::cerr << "atrium: warning: everybody on this machine may read " << what << "\n";
}

}  // namespace

absl::Status Token(const Invocation& invocation) {
  if (!invocation.has("jwk")) {
    return BadUsage("name the file of the private key with --jwk; atrium keygen --jwk > tokens.jwk makes one");
  }
  ASSIGN_OR_RETURN(const json::object claims, MakeClaims(invocation));
  const SecretFile file{.named_by = "--jwk", .path = invocation.flag<std::string>("jwk")};
  const auto jwk = ReadSecretFile(file, kMaxFileBytes);
  if (!jwk.ok()) return BadUsage(jwk.status().message());
  const auto token = SignToken(*jwk, json::serialize(claims));
  if (!token.ok()) return BadUsage(WrongFile(file, token.status().message()).message());
  WarnOfReaders(file.path, absl::StrCat(file.path, ", the key that signs tokens"));
  WarnOfReaders("/dev/stdout", "the file that the token goes to");
  if (!(std::cout << *token << std::endl)) return absl::DataLossError("the token cannot be written to stdout");
  return absl::OkStatus();
}

}  // namespace atrium::cli
