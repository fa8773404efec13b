#include "client-sdk/cli/secret_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace atrium::cli {
namespace {

// Service keys begin with the first of these, tokens with the base64url of a JSON object, which JWKs are, and other
// private keys with the last.
constexpr absl::string_view kSecretsBegin[] = {"atk_", "eyJ", "{", "-----"};

bool IsSecret(absl::string_view path) {
  return std::any_of(std::begin(kSecretsBegin), std::end(kSecretsBegin),
                     [&](absl::string_view beginning) { return absl::StartsWith(path, beginning); });
}

absl::Status CannotBeRead(const SecretFile& file, int error) {
  if (IsSecret(file.path)) {
    return absl::InvalidArgumentError(
        absl::StrCat(file.named_by, " must be the path of a file that holds the secret, not the secret itself"));
  }
  return WrongFile(file, absl::StrCat("cannot be read: ", std::strerror(error)));
}

absl::StatusOr<std::string> ReadStream(const SecretFile& file, std::FILE* stream, size_t max_bytes) {
  std::string content(max_bytes + 1, '\0');
  content.resize(std::fread(content.data(), 1, content.size(), stream));
  if (std::ferror(stream) != 0) return CannotBeRead(file, errno);
  if (content.size() > max_bytes) return WrongFile(file, absl::StrCat("holds more than ", max_bytes, " bytes"));
  return content;
}

}  // namespace

absl::Status WrongFile(const SecretFile& file, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(file.named_by, file.path.empty() ? "" : " ", file.path, " ", what));
}

absl::StatusOr<std::string> ReadSecretFile(const SecretFile& file, size_t max_bytes) {
  std::FILE* const stream = std::fopen(file.path.c_str(), "re");
  if (stream == nullptr) return CannotBeRead(file, errno);
  auto content = ReadStream(file, stream, max_bytes);
  std::fclose(stream);
  return content;
}

absl::StatusOr<std::string> ReadSecretFromStdin(size_t max_bytes) {
  return ReadStream({.named_by = "stdin", .path = ""}, stdin, max_bytes);
}

bool EverybodyMayRead(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  return status.type() == std::filesystem::file_type::regular &&
         (status.permissions() & std::filesystem::perms::others_read) != std::filesystem::perms::none;
}

}  // namespace atrium::cli
