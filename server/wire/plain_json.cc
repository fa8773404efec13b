#include "server/wire/plain_json.h"

#include <algorithm>
#include <optional>

#include "absl/container/inlined_vector.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "server/wire/json.h"

namespace atrium {

bool PlainJson::Take(char c) {
  if (left_.empty() || left_.front() != c) return false;
  left_.remove_prefix(1);
  return true;
}

bool PlainJson::TakeWord(absl::string_view word) {
  if (!absl::StartsWith(left_, word)) return false;
  left_.remove_prefix(word.size());
  return true;
}

std::optional<absl::string_view> PlainJson::TakeString() {
  if (!Take('"')) return std::nullopt;
  const absl::string_view text = left_.substr(0, PlainLength(left_));
  left_.remove_prefix(text.size());
  if (!Take('"')) return std::nullopt;
  return text;
}

std::optional<absl::string_view> PlainJson::TakeKey() {
  const std::optional<absl::string_view> key = TakeString();
  return Take(':') ? key : std::nullopt;
}

std::optional<bool> PlainJson::TakeBool() {
  if (TakeWord("true")) return true;
  if (TakeWord("false")) return false;
  return std::nullopt;
}

std::optional<uint64_t> PlainJson::TakeUnsigned() {
  constexpr size_t kMostDigits = 15;
  uint64_t number = 0;
  size_t digits = 0;
  while (digits < left_.size() && absl::ascii_isdigit(left_[digits])) {
    if (digits == kMostDigits) return std::nullopt;
    number = number * 10 + static_cast<uint64_t>(left_[digits++] - '0');
  }
  const bool leading_zero = digits > 1 && left_.front() == '0';
  if (digits == 0 || leading_zero) return std::nullopt;
  left_.remove_prefix(digits);
  return number;
}

std::optional<absl::string_view> PlainJson::TakeValue(int depth) {
  const absl::string_view begin = left_;
  if (!SkipValue(depth)) return std::nullopt;
  return begin.substr(0, begin.size() - left_.size());
}

bool PlainJson::SkipValue(int depth) {
  if (left_.empty()) return false;
  switch (left_.front()) {
    case '"': return TakeString().has_value();
    case '{': return SkipObject(depth);
    case '[': return SkipList(depth);
    case 't':
    case 'f': return TakeBool().has_value();
    case 'n': return TakeWord("null");
    case '-': {
      left_.remove_prefix(1);
      // The canonical form has no -0.
      return TakeUnsigned().value_or(0) > 0;
    }
    default: return TakeUnsigned().has_value();
  }
}

bool PlainJson::SkipList(int depth) {
  if (depth == 0 || !Take('[')) return false;
  if (Take(']')) return true;
  do {
    if (!SkipValue(depth - 1)) return false;
  } while (Take(','));
  return Take(']');
}

bool PlainJson::SkipObject(int depth) {
  constexpr size_t kMostKeys = 16;  // each is looked for among those before it
  if (depth == 0 || !Take('{')) return false;
  if (Take('}')) return true;
  absl::InlinedVector<absl::string_view, kMostKeys> keys;
  do {
    const std::optional<absl::string_view> key = TakeKey();
    if (!key || keys.size() == kMostKeys || std::find(keys.begin(), keys.end(), *key) != keys.end()) return false;
    keys.push_back(*key);
    if (!SkipValue(depth - 1)) return false;
  } while (Take(','));
  return Take('}');
}

}  // namespace atrium
