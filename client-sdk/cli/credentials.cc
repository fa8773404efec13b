#include "client-sdk/cli/credentials.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace atrium::cli {
namespace {

constexpr absl::string_view kKeyPrefix = "atk_";
// Tokens begin with the base64url of a header, which is a JSON object.
constexpr absl::string_view kTokenPrefix = "eyJ";
// A server takes no more metadata than this with a call.
constexpr size_t kMaxBytes = 8192;

absl::Status Wrong(const Credentials::File& file, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(file.named_by, " ", file.path, " ", what));
}

// A secret in the place of its path must not be repeated.
absl::Status CannotBeRead(const Credentials::File& file, int error) {
  if (absl::StartsWith(file.path, kKeyPrefix) || absl::StartsWith(file.path, kTokenPrefix)) {
    return absl::InvalidArgumentError(
        absl::StrCat(file.named_by, " must be the path of a file that holds the secret, not the secret itself"));
  }
  return Wrong(file, absl::StrCat("cannot be read: ", std::strerror(error)));
}

// Returns what the file holds, without white space around it. Anything but one word of ASCII is refused, because gRPC
// ends the process on metadata with other characters.
absl::StatusOr<std::string> ReadWord(const Credentials::File& file) {
  std::FILE* const stream = std::fopen(file.path.c_str(), "re");
  if (stream == nullptr) return CannotBeRead(file, errno);
  std::array<char, kMaxBytes + 1> buffer{};
  const size_t size = std::fread(buffer.data(), 1, buffer.size(), stream);
  const int error = std::ferror(stream) != 0 ? errno : 0;
  std::fclose(stream);
  if (error != 0) return CannotBeRead(file, error);
  if (size > kMaxBytes) return Wrong(file, absl::StrCat("holds more than ", kMaxBytes, " bytes"));
  const absl::string_view word = absl::StripAsciiWhitespace(absl::string_view(buffer.data(), size));
  if (word.empty()) return Wrong(file, "is empty");
  const bool is_word =
      std::all_of(word.begin(), word.end(), [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); });
  if (!is_word) return Wrong(file, "must hold one word, the secret, and nothing else");
  return std::string(word);
}

absl::StatusOr<std::string> ReadKey(const Credentials::File& file) {
  auto key = ReadWord(file);
  if (!key.ok() || absl::StartsWith(*key, kKeyPrefix)) return key;
  return Wrong(file, "holds no service key: one begins with atk_, and `atrium keygen` makes it");
}

absl::StatusOr<std::string> ReadToken(const Credentials::File& file) {
  auto token = ReadWord(file);
  if (!token.ok() || !absl::StartsWith(*token, kKeyPrefix)) return token;
  return Wrong(file, "holds a service key, which is shown by --key-file or ATRIUM_KEY_FILE");
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
