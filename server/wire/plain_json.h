#pragma once

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace atrium {

// Reads JSON in the one form that most programs write: without white space, escapes and fractions. Such a text is its
// own canonical form (AppendJson), so that what is read need not be built first. Nothing is said of other texts, not
// even whether they are JSON: that is for ParseJson.
//
// Each Take takes something off the front of the text. After one that fails, nothing is known of what is left.
class PlainJson {
 public:
  // `text` is valid UTF-8 and outlives this object.
  explicit PlainJson(absl::string_view text) : left_(text) {}

  bool empty() const { return left_.empty(); }
  bool Take(char c);
  // Takes a string and returns what stands between its quotes.
  std::optional<absl::string_view> TakeString();
  // Takes a key and its colon and returns the key.
  std::optional<absl::string_view> TakeKey();
  std::optional<bool> TakeBool();
  // Takes an integer of at most 15 digits, which a double holds exactly.
  std::optional<uint64_t> TakeUnsigned();
  // Takes any value and returns its text. Fails if something in it is nested deeper than `depth`, or if an object has a
  // key twice.
  std::optional<absl::string_view> TakeValue(int depth);

 private:
  bool TakeWord(absl::string_view word);
  bool SkipValue(int depth);
  bool SkipList(int depth);
  bool SkipObject(int depth);

  absl::string_view left_;
};

}  // namespace atrium
