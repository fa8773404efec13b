// The command that says what a server makes of a token. It calls nobody.

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client-sdk/cli/commands.h"
#include "client-sdk/cli/secret_file.h"
#include "server/access/client_identity.h"
#include "server/access/client_tokens.h"
#include "server/access/key_set.h"
#include "server/access/token_fault.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"

namespace atrium::cli {
namespace {

constexpr size_t kMaxJwksBytes = size_t{1024} * 1024;
constexpr size_t kMaxTokenFileBytes = size_t{64} * 1024;

absl::StatusOr<KeySet> ReadKeys(const Invocation& invocation) {
  if (!invocation.has("jwks")) return BadUsage("name the file of the keys with --jwks, as atriumd has --client-jwks");
  const SecretFile file{.named_by = "--jwks", .path = invocation.flag<std::string>("jwks")};
  const auto text = ReadSecretFile(file, kMaxJwksBytes);
  if (!text.ok()) return BadUsage(text.status().message());
  auto keys = KeySet::Parse(*text);
  if (!keys.ok()) {
    return BadUsage(
        WrongFile(file, absl::StrCat("holds no JWK Set that atriumd takes: ", keys.status().message())).message());
  }
  return keys;
}

absl::StatusOr<TokenRules> ReadRules(const Invocation& invocation) {
  TokenRules rules;
  if (!invocation.has("aud")) return BadUsage("say with --aud who tokens are for, as atriumd has --client-audience");
  rules.audience = invocation.flag<std::string>("aud");
  if (invocation.has("iss")) rules.issuer = invocation.flag<std::string>("iss");
  if (!absl::ParseDuration(invocation.flag<std::string>("leeway"), &rules.leeway) ||
      rules.leeway < absl::ZeroDuration() || rules.leeway > absl::Hours(24 * 365)) {
    return BadUsage("--leeway must be a duration such as 0s, 30s or 5m");
  }
  return rules;
}

absl::StatusOr<std::string> ReadToken(const Invocation& invocation) {
  const bool from_stdin = invocation.arguments.empty() || invocation.arguments[0] == "-";
  const auto text =
      from_stdin ? ReadSecretFromStdin(kMaxTokenFileBytes)
                 : ReadSecretFile({.named_by = "TOKEN_FILE", .path = invocation.arguments[0]}, kMaxTokenFileBytes);
  if (!text.ok()) return BadUsage(text.status().message());
  return std::string(absl::StripAsciiWhitespace(*text));
}

std::string TimeText(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone()); }

// Such as `in 9m55s`.
std::string Distance(absl::Time time, absl::Time now) {
  const std::string length = absl::FormatDuration(absl::Trunc(absl::AbsDuration(time - now), absl::Seconds(1)));
  return time >= now ? absl::StrCat("in ", length) : absl::StrCat(length, " ago, which the leeway allows");
}

std::vector<absl::string_view> VerbsOf(const Grant& grant) {
  std::vector<absl::string_view> verbs;
  for (int i = 0; i < kGrantVerbs; ++i) {
    const auto verb = static_cast<GrantVerb>(i);
    if (grant.Has(verb)) verbs.push_back(GrantVerbName(verb));
  }
  return verbs;
}

// Names that an issuer has chosen may hold anything.
std::string Names(const std::vector<std::string>& names) {
  return absl::StrJoin(names, ", ", [](std::string* out, const std::string& name) { *out += Excerpt(name); });
}

void PrintRow(absl::string_view name, absl::string_view value) {
  std::cout << absl::StrFormat("%-12s%s\n", name, value);
}

void PrintText(const ClientIdentity& client, absl::Time now) {
  PrintRow("user", Excerpt(client.subject));
  PrintRow("issuer", client.issuer.empty() ? "none" : Excerpt(client.issuer));
  PrintRow("expires", absl::StrCat(TimeText(client.expires), " (", Distance(client.expires, now), ")"));
  if (!client.info.empty()) PrintRow("info", json::serialize(client.info));
  if (!client.components.empty()) PrintRow("components", Names(client.components));
  if (client.max_connections) PrintRow("sessions", absl::StrCat("at most ", *client.max_connections));
  if (client.grants.empty()) PrintRow("grants", "none");
  for (const Grant& grant : client.grants) {
    std::string text = absl::StrCat(grant.room.text(), ": ", absl::StrJoin(VerbsOf(grant), ", "));
    if (grant.methods) absl::StrAppend(&text, "; methods: ", Names(*grant.methods));
    PrintRow("grant", text);
  }
}

json::value ToJson(const Grant& grant) {
  json::array can;
  for (const absl::string_view verb : VerbsOf(grant)) can.push_back(FromView(verb));
  json::object object = {{"room", grant.room.text()}, {"can", std::move(can)}};
  if (grant.methods) object["methods"] = json::array(grant.methods->begin(), grant.methods->end());
  return object;
}

void PrintJson(const ClientIdentity& client, absl::Time now) {
  json::array grants;
  for (const Grant& grant : client.grants) grants.push_back(ToJson(grant));
  json::object object = {{"valid", true},
                         {"user", client.subject},
                         {"issuer", client.issuer},
                         {"tokenId", client.token_id},
                         {"issued", TimeText(client.issued)},
                         {"expires", TimeText(client.expires)},
                         {"expiresInSeconds", absl::ToInt64Seconds(client.expires - now)},
                         {"info", client.info},
                         {"grants", std::move(grants)},
                         {"components", json::array(client.components.begin(), client.components.end())}};
  if (client.max_connections) object["maxConnections"] = *client.max_connections;
  std::cout << json::serialize(object) << "\n";
}

absl::Status Refuse(const Invocation& invocation, const absl::Status& error) {
  const std::string fault(TokenFaultName(FaultOf(error).value_or(TokenFault::kMalformed)));
  const std::string detail(error.message());
  if (invocation.json) {
    std::cout << json::serialize(json::object{{"valid", false}, {"fault", fault}, {"detail", detail}}) << "\n";
  }
  return absl::UnauthenticatedError(absl::StrCat(fault, ": ", detail));
}

}  // namespace

absl::Status CheckToken(const Invocation& invocation) {
  ASSIGN_OR_RETURN(const KeySet keys, ReadKeys(invocation));
  ASSIGN_OR_RETURN(const TokenRules rules, ReadRules(invocation));
  ASSIGN_OR_RETURN(const std::string token, ReadToken(invocation));
  const absl::Time now = absl::Now();
  const auto client = ReadClientToken(token, keys, rules, now);
  if (!client.ok()) return Refuse(invocation, client.status());
  if (invocation.json) {
    PrintJson(**client, now);
  } else {
    PrintText(**client, now);
  }
  return absl::OkStatus();
}

}  // namespace atrium::cli
