#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

namespace atrium {

bool IsUtf8(absl::string_view text);

// Returns how many bytes the character has that `text`, which is not empty, begins with; 0 if it begins with none.
size_t CharacterLength(absl::string_view text);

// Returns how many characters (code points) valid UTF-8 has.
size_t CountCharacters(absl::string_view text);

}  // namespace atrium
