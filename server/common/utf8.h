#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

namespace atrium {

bool IsUtf8(absl::string_view text);

// Characters of valid UTF-8, not bytes: continuation bytes do not count.
size_t CountCharacters(absl::string_view text);

}  // namespace atrium
