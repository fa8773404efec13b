#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace atrium::cli {

// A file that holds a secret, or what goes with one, and what has named it, such as `--key-file`.
struct SecretFile {
  std::string named_by;
  std::string path;
};

// Returns INVALID_ARGUMENT that names the file and says `what` is wrong with it.
absl::Status WrongFile(const SecretFile& file, absl::string_view what);

// Returns what the file holds. INVALID_ARGUMENT names the one that cannot be read, or holds more than `max_bytes`. A
// secret that stands in the place of its path is not repeated.
absl::StatusOr<std::string> ReadSecretFile(const SecretFile& file, size_t max_bytes);
// The same of stdin.
absl::StatusOr<std::string> ReadSecretFromStdin(size_t max_bytes);

// Whether that is a file, not a pipe or a terminal, that everybody on this machine may read.
bool EverybodyMayRead(const std::string& path);

}  // namespace atrium::cli
