#pragma once

#include <array>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace atrium {

using Sha256Digest = std::array<uint8_t, 32>;

// Returns the SHA-256 of `text`, on any thread.
Sha256Digest Sha256(absl::string_view text);

// Whether both are the same, in a time that does not tell where they differ.
bool SameDigest(const Sha256Digest& a, const Sha256Digest& b);

}  // namespace atrium
