#include "server/access/credential_files.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"

namespace atrium {

CredentialFiles::CredentialFiles(Paths paths, Authenticator& authenticator, Log& log)
    : paths_(std::move(paths)), authenticator_(authenticator), watch_(paths_.interval, log) {}

absl::Status CredentialFiles::Load() {
  const auto load = [this](absl::string_view flag, const std::string& path, auto take) -> absl::Status {
    if (path.empty()) return absl::OkStatus();
    absl::StatusOr<std::string> content = ReadSmallFile(path);
    const std::string name = absl::StrCat("--", flag);
    if (!content.ok()) return InvalidField(name, content.status().message());
    const absl::Status taken = (this->*take)(*content);
    if (!taken.ok()) return InvalidField(name, absl::StrCat(path, ": ", taken.message()));
    watch_.Add(
        path, std::string(flag), [this, take](const std::string& content) { return (this->*take)(content); }, *content);
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(load("service-keys", paths_.service_keys, &CredentialFiles::TakeServiceKeys));
  return load("client-jwks", paths_.client_jwks, &CredentialFiles::TakeClientKeys);
}

absl::Status CredentialFiles::TakeServiceKeys(absl::string_view yaml) {
  ASSIGN_OR_RETURN(ServiceKeys keys, ServiceKeys::Parse(yaml, paths_.methods));
  authenticator_.SetServiceKeys(std::move(keys));
  return absl::OkStatus();
}

absl::Status CredentialFiles::TakeClientKeys(absl::string_view json) {
  ASSIGN_OR_RETURN(KeySet keys, KeySet::Parse(json));
  authenticator_.SetClientKeys(std::move(keys));
  return absl::OkStatus();
}

}  // namespace atrium
