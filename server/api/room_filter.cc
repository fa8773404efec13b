#include "server/api/room_filter.h"

#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"

namespace atrium {
namespace {

constexpr size_t kMaxBytes = 1000;
constexpr int kMaxDepth = 32;

using Predicate = std::function<bool(const v1::Room&)>;
using Value = std::variant<std::string, double, bool>;
// Nothing for a metadata key that a room does not have: no comparison holds of it.
using Field = std::function<std::optional<Value>(const v1::Room&)>;

std::optional<Value> MetadataValue(const v1::Room& room, const std::string& key) {
  const auto& fields = room.metadata().fields();
  const auto it = fields.find(key);
  if (it == fields.end()) return std::nullopt;
  switch (it->second.kind_case()) {
    case google::protobuf::Value::kStringValue: return it->second.string_value();
    case google::protobuf::Value::kNumberValue: return it->second.number_value();
    case google::protobuf::Value::kBoolValue: return it->second.bool_value();
    default: return std::nullopt;
  }
}

std::optional<Field> FieldByName(absl::string_view name) {
  if (name == "id") return [](const v1::Room& room) { return Value(room.id()); };
  if (name == "type") return [](const v1::Room& room) { return Value(room.type()); };
  if (name == "member_count") return [](const v1::Room& room) { return Value(double(room.member_count())); };
  if (name == "max_members") return [](const v1::Room& room) { return Value(double(room.max_members())); };
  if (name == "locked") return [](const v1::Room& room) { return Value(room.locked()); };
  if (name == "unlisted") return [](const v1::Room& room) { return Value(room.unlisted()); };
  if (absl::ConsumePrefix(&name, "metadata.") && !name.empty()) {
    return [key = std::string(name)](const v1::Room& room) { return MetadataValue(room, key); };
  }
  return std::nullopt;
}

bool Holds(const std::string& op, const Value& left, const Value& right) {
  if (op == "=") return left == right;
  if (op == "!=") return left != right;
  if (left.index() != right.index()) return false;
  if (op == "<") return left < right;
  if (op == "<=") return left <= right;
  if (op == ">") return left > right;
  return left >= right;
}

// expression = sequence of factors joined by AND; factor = terms joined by OR; term = [NOT | -] simple;
// simple = ( expression ) | field op value
class Parser {
 public:
  explicit Parser(absl::string_view text) : text_(text) { Skip(); }

  absl::StatusOr<RoomFilter> Parse() {
    RoomFilter filter;
    if (at_ == text_.size()) {
      filter.matches_all = true;
      filter.matches = [](const v1::Room&) { return true; };
      return filter;
    }
    ASSIGN_OR_RETURN(filter.matches, Expression(0));
    if (at_ < text_.size()) return Wrong("expected AND, OR or the end");
    filter.names_unlisted = names_unlisted_;
    return filter;
  }

 private:
  absl::StatusOr<Predicate> Expression(int depth) {
    ASSIGN_OR_RETURN(Predicate all, Factor(depth));
    while (TakeWord("AND")) {
      ASSIGN_OR_RETURN(Predicate next, Factor(depth));
      all = [left = std::move(all), right = std::move(next)](const v1::Room& room) {
        return left(room) && right(room);
      };
    }
    return all;
  }

  absl::StatusOr<Predicate> Factor(int depth) {
    ASSIGN_OR_RETURN(Predicate any, Term(depth));
    while (TakeWord("OR")) {
      ASSIGN_OR_RETURN(Predicate next, Term(depth));
      any = [left = std::move(any), right = std::move(next)](const v1::Room& room) {
        return left(room) || right(room);
      };
    }
    return any;
  }

  absl::StatusOr<Predicate> Term(int depth) {
    if (!TakeWord("NOT") && !TakeSign("-")) return Simple(depth);
    ASSIGN_OR_RETURN(Predicate inner, Simple(depth));
    return [inner = std::move(inner)](const v1::Room& room) { return !inner(room); };
  }

  absl::StatusOr<Predicate> Simple(int depth) {
    if (!TakeSign("(")) return Comparison();
    if (depth == kMaxDepth) return Wrong("too many parentheses");
    ASSIGN_OR_RETURN(Predicate inner, Expression(depth + 1));
    if (!TakeSign(")")) return Wrong("expected )");
    return inner;
  }

  absl::StatusOr<Predicate> Comparison() {
    const size_t begin = at_;
    const std::string name = Word();
    std::optional<Field> field = FieldByName(name);
    if (!field) {
      at_ = begin;
      return Wrong("expected id, type, member_count, max_members, locked, unlisted or metadata.KEY");
    }
    names_unlisted_ |= name == "unlisted";
    std::string op = Operator();
    if (op.empty()) return Wrong("expected one of = != < <= > >=");
    ASSIGN_OR_RETURN(Value value, Literal());
    return [field = *std::move(field), op = std::move(op), value = std::move(value)](const v1::Room& room) {
      const std::optional<Value> left = field(room);
      return left && Holds(op, *left, value);
    };
  }

  // Empty if there is none.
  std::string Operator() {
    for (const absl::string_view op : {"!=", "<=", ">=", "=", "<", ">"}) {
      if (TakeSign(op)) return std::string(op);
    }
    return "";
  }

  absl::StatusOr<Value> Literal() {
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) return QuotedText();
    const std::string word = Word();
    if (word.empty()) return Wrong("expected a value");
    if (word == "true" || word == "false") return Value(word == "true");
    double number = 0;
    if (absl::SimpleAtod(word, &number)) return Value(number);
    return Value(word);
  }

  absl::StatusOr<Value> QuotedText() {
    const char quote = text_[at_];
    std::string text;
    for (size_t i = at_ + 1; i < text_.size(); ++i) {
      if (text_[i] == quote) {
        at_ = i + 1;
        Skip();
        return Value(text);
      }
      if (text_[i] == '\\' && i + 1 < text_.size()) ++i;
      text.push_back(text_[i]);
    }
    return Wrong("expected the end of the quoted text");
  }

  static bool InWord(char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-' || c == ':' ||
           c == '+' || (c & 0x80) != 0;
  }

  std::string Word() {
    const size_t begin = at_;
    while (at_ < text_.size() && InWord(text_[at_])) ++at_;
    std::string word(text_.substr(begin, at_ - begin));
    Skip();
    return word;
  }

  bool TakeWord(absl::string_view word) {
    const absl::string_view rest = text_.substr(at_);
    if (!absl::StartsWith(rest, word) || (rest.size() > word.size() && InWord(rest[word.size()]))) return false;
    at_ += word.size();
    Skip();
    return true;
  }

  bool TakeSign(absl::string_view sign) {
    if (!absl::StartsWith(text_.substr(at_), sign)) return false;
    at_ += sign.size();
    Skip();
    return true;
  }

  void Skip() {
    while (at_ < text_.size() && absl::ascii_isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }

  absl::Status Wrong(absl::string_view expected) const {
    return InvalidField("filter", absl::StrCat(expected, " at byte ", at_));
  }

  const absl::string_view text_;
  size_t at_ = 0;
  bool names_unlisted_ = false;
};

}  // namespace

absl::StatusOr<RoomFilter> ParseRoomFilter(absl::string_view text) {
  if (text.size() > kMaxBytes) return InvalidField("filter", absl::StrCat("must have at most ", kMaxBytes, " bytes"));
  return Parser(text).Parse();
}

}  // namespace atrium
