// The command that makes a key. It calls nobody.

#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <iostream>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client-sdk/cli/commands.h"

namespace atrium::cli {
namespace {

constexpr size_t kMaxIdBytes = 64;
constexpr size_t kSecretBytes = 32;

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

absl::Status CheckId(const Invocation& invocation) {
  if (!invocation.has("id")) return BadUsage("name the key with --id, such as: atrium keygen --id shop > shop.key");
  if (IsId(invocation.flag<std::string>("id"))) return absl::OkStatus();
  return BadUsage("--id must be 1-64 letters, digits, underscores, dots, or hyphens");
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
  std::array<unsigned char, kSecretBytes> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
    return absl::InternalError("the system has no random bytes");
  }
  const absl::string_view bytes(reinterpret_cast<const char*>(random.data()), random.size());
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

}  // namespace

absl::Status Keygen(const Invocation& invocation) {
  if (absl::Status status = CheckId(invocation); !status.ok()) return status;
  const auto methods = ReadMethods(invocation.flag<std::string>("scopes-for"));
  if (!methods.ok()) return methods.status();
  const auto id = invocation.flag<std::string>("id");
  const auto secret = MakeSecret(id);
  if (!secret.ok()) return secret.status();
  // The hash of a secret that is lost, such as on a full disk, is of no use.
  if (!(std::cout << *secret << std::endl)) return absl::DataLossError("the secret cannot be written to stdout");
  std::cerr << "keys:\n  - id: " << YamlText(id) << "\n    sha256: " << HashOf(*secret)
            << "\n    scopes:\n      - methods: [\"" << absl::StrJoin(*methods, "\", \"") << "\"]\n";
  return absl::OkStatus();
}

}  // namespace atrium::cli
