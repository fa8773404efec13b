#include "server/common/utf8.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace atrium {
namespace {

bool Continues(char c) { return (c & 0xc0) == 0x80; }

// Returns how many bytes the character has whose first two are these; 0 if there is none (RFC 3629 section 4).
size_t Length(uint8_t first, uint8_t second) {
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  if (first < 0xe0) return 2;
  // These rule out a longer form of a shorter one, surrogates, and what is beyond U+10FFFF.
  if (first < 0xf0) return (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ? 0 : 3;
  return (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f) ? 0 : 4;
}

// Returns how many bytes of `text`, from its beginning, are ASCII, in steps of eight.
size_t AsciiWords(absl::string_view text) {
  size_t i = 0;
  for (uint64_t word; i + sizeof(word) <= text.size(); i += sizeof(word)) {
    std::memcpy(&word, text.data() + i, sizeof(word));
    if ((word & 0x8080808080808080) != 0) break;
  }
  return i;
}

}  // namespace

size_t CharacterLength(absl::string_view text) {
  const size_t length = Length(static_cast<uint8_t>(text[0]), text.size() > 1 ? static_cast<uint8_t>(text[1]) : 0);
  if (length == 0 || length > text.size()) return 0;
  return std::all_of(text.begin() + 1, text.begin() + length, Continues) ? length : 0;
}

bool IsUtf8(absl::string_view text) {
  for (;;) {
    text.remove_prefix(AsciiWords(text));
    if (text.empty()) return true;
    const size_t length = CharacterLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
}

size_t CountCharacters(absl::string_view text) {
  return text.size() - static_cast<size_t>(std::count_if(text.begin(), text.end(), Continues));
}

}  // namespace atrium
