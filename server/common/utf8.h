#pragma once

#include <algorithm>
#include <cstddef>

#include "absl/strings/string_view.h"

namespace atrium {

// Characters of valid UTF-8, not bytes: continuation bytes do not count.
inline size_t CountCharacters(absl::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace atrium
