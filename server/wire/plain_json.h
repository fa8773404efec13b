#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace atrium {

// Reads JSON in the one form that most programs write: no white space, no escapes, no fractions. Such a text is its own
// canonical form (AppendJson), so that what is read need not be built first. Of all else nothing is said, not even
// whether it is JSON: that is for ParseJson.
//
// Each Take takes something off the front; after one that fails nothing is known of what is left.
class PlainJson {
 public:
  // `text` is valid UTF-8, and outlives this.
  explicit PlainJson(absl::string_view text) : left_(text) {}

  bool empty() const { return left_.empty(); }
  bool Take(char c);
  // What stands between its quotes.
  absl::optional<absl::string_view> TakeString();
  // A key and its colon.
  absl::optional<absl::string_view> TakeKey();
  absl::optional<bool> TakeBool();
  // At most 15 digits.
  absl::optional<uint64_t> TakeUnsigned();
  // Any value, as its text. Nothing in it is nested deeper than `depth`, and no object has a key twice.
  absl::optional<absl::string_view> TakeValue(int depth);

 private:
  bool TakeWord(absl::string_view word);
  bool SkipValue(int depth);
  bool SkipList(int depth);
  bool SkipObject(int depth);

  absl::string_view left_;
};

}  // namespace atrium
