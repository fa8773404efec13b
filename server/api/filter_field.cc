#include "server/api/filter_field.h"

#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "server/wire/json.h"

namespace atrium {
namespace {

template <typename T>
bool Holds(Relation relation, const T& left, const T& right) {
  switch (relation) {
    case Relation::kEqual: return left == right;
    case Relation::kNotEqual: return left != right;
    case Relation::kLess: return left < right;
    case Relation::kAtMost: return left <= right;
    case Relation::kGreater: return left > right;
    case Relation::kAtLeast: return left >= right;
  }
  return false;
}

struct NumberLiteral {
  // This is infinite if the number is too large for a double.
  double value;
  // Whether a double may equal it: IsShortestForm, as in all JSON that is taken.
  bool exact;
};

std::optional<NumberLiteral> ReadNumber(absl::string_view text) {
  double value = 0;
  if (!IsJsonNumber(text) || !absl::SimpleAtod(text, &value)) return std::nullopt;
  return NumberLiteral{value, IsShortestForm(text, value)};
}

std::optional<int32_t> ReadWholeNumber(const FilterLiteral& literal) {
  const std::optional<NumberLiteral> number = literal.quoted ? std::nullopt : ReadNumber(literal.text);
  using Limits = std::numeric_limits<int32_t>;
  if (!number || !number->exact || std::trunc(number->value) != number->value) return std::nullopt;
  if (number->value < Limits::min() || number->value > Limits::max()) return std::nullopt;
  return static_cast<int32_t>(number->value);
}

std::optional<bool> ReadBoolean(const FilterLiteral& literal) {
  if (literal.quoted || (literal.text != "true" && literal.text != "false")) return std::nullopt;
  return literal.text == "true";
}

const google::protobuf::Value* FindValue(const google::protobuf::Struct& metadata,
                                         const std::vector<std::string>& path) {
  const google::protobuf::Struct* object = &metadata;
  const google::protobuf::Value* value = nullptr;
  for (const std::string& key : path) {
    if (value != nullptr && !value->has_struct_value()) return nullptr;
    if (value != nullptr) object = &value->struct_value();
    const auto it = object->fields().find(key);
    if (it == object->fields().end()) return nullptr;
    value = &it->second;
  }
  return value;
}

// A literal as each type of JSON reads it.
class MetadataLiteral {
 public:
  explicit MetadataLiteral(FilterLiteral literal)
      : number_(literal.quoted ? std::nullopt : ReadNumber(literal.text)),
        boolean_(ReadBoolean(literal)),
        text_(std::move(literal.text)) {}

  bool Matches(const google::protobuf::Value& value, Relation relation) const {
    const bool differ = relation == Relation::kNotEqual;
    const bool ordered = relation != Relation::kEqual && !differ;
    switch (value.kind_case()) {
      case google::protobuf::Value::kStringValue: return Holds(relation, value.string_value(), text_);
      case google::protobuf::Value::kNumberValue:
        if (!number_ || (!ordered && !number_->exact)) return differ;
        return Holds(relation, value.number_value(), number_->value);
      case google::protobuf::Value::kBoolValue:
        if (!boolean_ || ordered) return differ;
        return Holds(relation, value.bool_value(), *boolean_);
      default: return false;
    }
  }

 private:
  std::optional<NumberLiteral> number_;
  std::optional<bool> boolean_;
  std::string text_;
};

}  // namespace

std::optional<FilterField> FilterField::Find(std::vector<std::string> path) {
  const std::string name = path.front();
  if (name == "metadata" && path.size() > 1) {
    path.erase(path.begin());
    return FilterField(std::move(path));
  }
  if (path.size() > 1) return std::nullopt;
  if (name == "id") return FilterField(Text([](const v1::Room& room) -> const std::string& { return room.id(); }));
  if (name == "type") return FilterField(Text([](const v1::Room& room) -> const std::string& { return room.type(); }));
  if (name == "member_count") return FilterField(Number([](const v1::Room& room) { return room.member_count(); }));
  if (name == "max_members") return FilterField(Number([](const v1::Room& room) { return room.max_members(); }));
  if (name == "locked") return FilterField(Boolean([](const v1::Room& room) { return room.locked(); }));
  if (name == "unlisted") return FilterField(Boolean([](const v1::Room& room) { return room.unlisted(); }));
  return std::nullopt;
}

absl::StatusOr<RoomPredicate> FilterField::Compare(Relation relation, FilterLiteral literal) const {
  if (const Text* const text = std::get_if<Text>(&field_)) {
    return [get = *text, relation, right = std::move(literal.text)](const v1::Room& room) {
      return Holds(relation, get(room), right);
    };
  }
  if (const Number* const number = std::get_if<Number>(&field_)) {
    const std::optional<int32_t> right = ReadWholeNumber(literal);
    if (!right) return absl::InvalidArgumentError("expected a whole number of 32 bits, without quotes,");
    return
        [get = *number, relation, right = *right](const v1::Room& room) { return Holds(relation, get(room), right); };
  }
  if (const Boolean* const boolean = std::get_if<Boolean>(&field_)) {
    const std::optional<bool> right = ReadBoolean(literal);
    if (!right) return absl::InvalidArgumentError("expected true or false, without quotes,");
    return
        [get = *boolean, relation, right = *right](const v1::Room& room) { return Holds(relation, get(room), right); };
  }
  return
      [path = std::get<Metadata>(field_), relation, right = MetadataLiteral(std::move(literal))](const v1::Room& room) {
        const google::protobuf::Value* const value = FindValue(room.metadata(), path);
        return value != nullptr && right.Matches(*value, relation);
      };
}

}  // namespace atrium
