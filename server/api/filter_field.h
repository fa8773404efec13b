#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "atrium/v1/resources.pb.h"

namespace atrium {

// Any thread may call this.
using RoomPredicate = std::function<bool(const v1::Room&)>;

// The operators = != < <= > >= of a filter.
enum class Relation { kEqual, kNotEqual, kLess, kAtMost, kGreater, kAtLeast };

// A value in a filter, without its quotes.
struct FilterLiteral {
  std::string text;
  bool quoted = false;
};

// A field of rooms that a filter can name. Its type decides how a literal is read (AIP-160, "Literals" and "Comparison
// operators"):
// - text: the literal as it is written, in quotes or not; texts are ordered by their bytes.
// - number: a whole number of 32 bits as JSON writes it (RFC 8259 section 6), without quotes.
// - boolean: `true` or `false`, without quotes; only = and != compare them.
// - a value in the metadata has the type that it has in the room at hand, which need not be the same in each. A text
//   is compared with the literal as it is written. A number or a boolean is compared with an unquoted literal that is
//   one in JSON; it differs from any other literal, as `007`, `+7` or `0x7`, and is neither less nor greater.
class FilterField {
 public:
  // Returns nothing if rooms have no such field. `path` has its name and, behind `metadata`, the keys that lead to the
  // value.
  static std::optional<FilterField> Find(std::vector<std::string> path);

  // Returns whether < <= > >= may compare it; of metadata only the value at hand tells.
  bool ordered() const { return !std::holds_alternative<Boolean>(field_); }

  // Returns what tells whether a room's field is in that relation to a literal. INVALID_ARGUMENT, with what was
  // expected as its message, if the literal cannot be of the field's type. No relation holds of metadata that a room
  // does not have, nor of null, objects and lists.
  absl::StatusOr<RoomPredicate> Compare(Relation relation, FilterLiteral literal) const;

 private:
  using Text = const std::string& (*)(const v1::Room&);
  using Number = int32_t (*)(const v1::Room&);
  using Boolean = bool (*)(const v1::Room&);
  using Metadata = std::vector<std::string>;
  using Field = std::variant<Text, Number, Boolean, Metadata>;

  explicit FilterField(Field field) : field_(std::move(field)) {}

  Field field_;
};

}  // namespace atrium
