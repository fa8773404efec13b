#include "client-sdk/cli/credentials.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace atrium::cli {
namespace {

constexpr absl::string_view kKeyPrefix = "atk_";
// A server takes no more metadata than this with a call.
constexpr size_t kMaxBytes = 8192;

// Returns what the file holds, without white space around it. Anything but one word of ASCII is refused, because gRPC
// ends the process on metadata with other characters.
absl::StatusOr<std::string> ReadWord(const Credentials::File& file) {
  auto content = ReadSecretFile(file, kMaxBytes);
  if (!content.ok()) return content;
  const absl::string_view word = absl::StripAsciiWhitespace(*content);
  if (word.empty()) return WrongFile(file, "is empty");
  const bool is_word =
      std::all_of(word.begin(), word.end(), [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); });
  if (!is_word) return WrongFile(file, "must hold one word, the secret, and nothing else");
  return std::string(word);
}

absl::StatusOr<std::string> ReadKey(const Credentials::File& file) {
  auto key = ReadWord(file);
  if (!key.ok() || absl::StartsWith(*key, kKeyPrefix)) return key;
  return WrongFile(file, "holds no service key: one begins with atk_, and `atrium keygen` makes it");
}

absl::StatusOr<std::string> ReadToken(const Credentials::File& file) {
  auto token = ReadWord(file);
  if (!token.ok() || !absl::StartsWith(*token, kKeyPrefix)) return token;
  return WrongFile(file, "holds a service key, which is shown by --key-file or ATRIUM_KEY_FILE");
}

}  // namespace

absl::StatusOr<Credentials> Credentials::Read(File key, File token) {
  Credentials credentials;
  if (!key.named_by.empty()) {
    auto read = ReadKey(key);
    if (!read.ok()) return read.status();
    credentials.key_ = *std::move(read);
  }
  if (!token.named_by.empty()) {
    auto read = ReadToken(token);
    if (!read.ok()) return read.status();
    credentials.token_ = *std::move(read);
  }
  credentials.key_file_ = std::move(key);
  credentials.token_file_ = std::move(token);
  return credentials;
}

std::optional<std::string> Credentials::NewToken(absl::string_view shown) const {
  if (!has_token()) return std::nullopt;
  // A pipe has its content once, and whoever opens it again may wait for ever.
  std::error_code error;
  if (!std::filesystem::is_regular_file(token_file_.path, error)) return std::nullopt;
  auto token = ReadToken(token_file_);
  // One that cannot be read is about to be replaced.
  if (!token.ok() || *token == shown) return std::nullopt;
  return *std::move(token);
}

std::string Credentials::HintForCall() const {
  if (has_key()) return absl::StrCat("shown was the key in ", key_file_.path);
  return has_token() ? HintForSession() : "show a key by --key-file or ATRIUM_KEY_FILE";
}

std::string Credentials::HintForSession() const {
  if (has_token()) return absl::StrCat("shown was the token in ", token_file_.path);
  return "show a token by --token-file or ATRIUM_TOKEN_FILE";
}

}  // namespace atrium::cli
