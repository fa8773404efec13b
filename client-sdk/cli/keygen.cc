// The command that makes keys. It calls nobody.

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client-sdk/cli/commands.h"
#include "client-sdk/cli/new_jwk.h"
#include "client-sdk/cli/random_bytes.h"
#include "server/common/status_macros.h"

namespace atrium::cli {
namespace {

constexpr size_t kMaxIdBytes = 64;
constexpr size_t kSecretBytes = 32;
constexpr size_t kKidBytes = 8;

bool IsAlphanumeric(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }

bool IsId(absl::string_view id) {
  return !id.empty() && id.size() <= kMaxIdBytes && std::all_of(id.begin(), id.end(), [](char c) {
    return IsAlphanumeric(c) || c == '_' || c == '.' || c == '-';
  });
}

// Whether it is the name of a method, or its beginning with a * behind.
bool IsMethod(absl::string_view method) {
  const bool any = absl::ConsumeSuffix(&method, "*");
  return (any || !method.empty()) && std::all_of(method.begin(), method.end(), IsAlphanumeric);
}

absl::Status CheckId(const char* flag, const Invocation& invocation) {
  if (!invocation.has(flag) || IsId(invocation.flag<std::string>(flag))) return absl::OkStatus();
  return BadUsage(absl::StrCat("--", flag, " must be 1-64 letters, digits, underscores, dots, or hyphens"));
}

absl::StatusOr<std::vector<std::string>> ReadMethods(const std::string& text) {
  std::vector<std::string> methods = absl::StrSplit(text, ',');
  for (std::string& method : methods) {
    absl::StripAsciiWhitespace(&method);
    if (!IsMethod(method)) return BadUsage("--scopes-for must be names of methods, such as: Emit,Get*");
  }
  return methods;
}

absl::StatusOr<std::string> MakeSecret(absl::string_view id) {
  ASSIGN_OR_RETURN(const std::string bytes, RandomBytes(kSecretBytes));
  return absl::StrCat("atk_", id, "_", absl::WebSafeBase64Escape(bytes));
}

std::string HashOf(const std::string& secret) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), digest.data());
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

// Text that YAML could take for something else, such as `-` or `null`, has quotes.
std::string YamlText(const std::string& id) {
  const bool plain = absl::ascii_isalpha(static_cast<unsigned char>(id[0])) && absl::AsciiStrToLower(id) != "null";
  return plain ? id : absl::StrCat("\"", id, "\"");
}

// What is told about a secret that is lost, such as on a full disk, is of no use.
absl::Status Print(absl::string_view secret, absl::string_view told) {
  if (!(std::cout << secret << std::endl)) return absl::DataLossError("the secret cannot be written to stdout");
  std::cerr << told;
  return absl::OkStatus();
}

absl::Status MakeServiceKey(const Invocation& invocation) {
  if (invocation.has("kid")) return BadUsage("--kid goes with --jwk");
  if (!invocation.arguments.empty()) return BadUsage("an algorithm goes with --jwk");
  ASSIGN_OR_RETURN(const auto methods, ReadMethods(invocation.flag<std::string>("scopes-for")));
  const auto id = invocation.flag<std::string>("id");
  ASSIGN_OR_RETURN(const std::string secret, MakeSecret(id));
  return Print(secret, absl::StrCat("keys:\n  - id: ", YamlText(id), "\n    sha256: ", HashOf(secret),
                                    "\n    scopes:\n      - methods: [\"", absl::StrJoin(methods, "\", \""), "\"]\n"));
}

// `--jwk=RS256` and `--jwk RS256` are the same; the parser takes the second for a flag and an argument.
absl::StatusOr<std::string> ReadAlgorithm(const Invocation& invocation) {
  const auto of_flag = invocation.flag<std::string>("jwk");
  if (invocation.arguments.empty()) return of_flag.empty() ? "ES256" : of_flag;
  if (of_flag.empty()) return invocation.arguments[0];
  return BadUsage("--jwk must be one of ES256, RS256 and HS256");
}

absl::Status MakeSigningKey(const Invocation& invocation) {
  if (!invocation.flags["scopes-for"].defaulted()) return BadUsage("--scopes-for goes with --id");
  ASSIGN_OR_RETURN(const std::string algorithm, ReadAlgorithm(invocation));
  ASSIGN_OR_RETURN(std::string kid, RandomBytes(kKidBytes));
  kid = invocation.has("kid") ? invocation.flag<std::string>("kid") : absl::BytesToHexString(kid);
  auto jwk = MakeJwk(algorithm, kid);
  if (absl::IsInvalidArgument(jwk.status())) return BadUsage("--jwk must be one of ES256, RS256 and HS256");
  if (!jwk.ok()) return jwk.status();
  boost::json::array keys;
  keys.push_back(jwk->verifies);
  const boost::json::object set = {{"keys", std::move(keys)}};
  return Print(boost::json::serialize(jwk->signs), boost::json::serialize(set) + "\n");
}

}  // namespace

absl::Status Keygen(const Invocation& invocation) {
  RETURN_IF_ERROR(CheckId("id", invocation));
  RETURN_IF_ERROR(CheckId("kid", invocation));
  if (invocation.has("id") && invocation.has("jwk")) {
    return BadUsage("--id and --jwk are both given: one makes a key for a service, the other one for signing tokens");
  }
  if (invocation.has("id")) return MakeServiceKey(invocation);
  if (invocation.has("jwk")) return MakeSigningKey(invocation);
  return BadUsage(
      "name the key with --id, such as: atrium keygen --id shop > shop.key; or make one for signing tokens with --jwk");
}

}  // namespace atrium::cli
