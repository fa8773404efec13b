#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace atrium::cli {

// Returns so many bytes that nobody can guess.
absl::StatusOr<std::string> RandomBytes(size_t size);

}  // namespace atrium::cli
