#include "server/api/room_filter.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"

namespace atrium {
namespace {

constexpr size_t kMaxBytes = 1000;
constexpr int kMaxDepth = 32;

// expression = sequence of factors joined by AND; factor = terms joined by OR; term = [NOT | -] simple;
// simple = ( expression ) | field op literal; field = word { . key }; key = word | quoted; literal = word | quoted
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
  absl::StatusOr<RoomPredicate> Expression(int depth) {
    ASSIGN_OR_RETURN(RoomPredicate all, Factor(depth));
    while (TakeWord("AND")) {
      ASSIGN_OR_RETURN(RoomPredicate next, Factor(depth));
      all = [left = std::move(all), right = std::move(next)](const v1::Room& room) {
        return left(room) && right(room);
      };
    }
    return all;
  }

  absl::StatusOr<RoomPredicate> Factor(int depth) {
    ASSIGN_OR_RETURN(RoomPredicate any, Term(depth));
    while (TakeWord("OR")) {
      ASSIGN_OR_RETURN(RoomPredicate next, Term(depth));
      any = [left = std::move(any), right = std::move(next)](const v1::Room& room) {
        return left(room) || right(room);
      };
    }
    return any;
  }

  absl::StatusOr<RoomPredicate> Term(int depth) {
    if (!TakeWord("NOT") && !TakeSign("-")) return Simple(depth);
    ASSIGN_OR_RETURN(RoomPredicate inner, Simple(depth));
    return [inner = std::move(inner)](const v1::Room& room) { return !inner(room); };
  }

  absl::StatusOr<RoomPredicate> Simple(int depth) {
    if (!TakeSign("(")) return Comparison();
    if (depth == kMaxDepth) return Wrong("too many parentheses");
    ASSIGN_OR_RETURN(RoomPredicate inner, Expression(depth + 1));
    if (!TakeSign(")")) return Wrong("expected )");
    return inner;
  }

  absl::StatusOr<RoomPredicate> Comparison() {
    const size_t begin = at_;
    ASSIGN_OR_RETURN(std::vector<std::string> path, Path());
    names_unlisted_ |= path.front() == "unlisted";
    const std::optional<FilterField> field = FilterField::Find(std::move(path));
    if (!field) {
      return Wrong("expected id, type, member_count, max_members, locked, unlisted or metadata.KEY", begin);
    }
    ASSIGN_OR_RETURN(const Relation relation, Operator(field->ordered()));
    const size_t place = at_;
    ASSIGN_OR_RETURN(FilterLiteral literal, Literal());
    absl::StatusOr<RoomPredicate> comparison = field->Compare(relation, std::move(literal));
    if (!comparison.ok()) return Wrong(comparison.status().message(), place);
    return comparison;
  }

  absl::StatusOr<std::vector<std::string>> Path() {
    std::vector<std::string> path = {Name()};
    while (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      const size_t place = at_;
      const bool quoted = AtQuote();
      ASSIGN_OR_RETURN(std::string key, quoted ? QuotedText() : Name());
      if (key.empty() && !quoted) return Wrong("expected a key", place);
      path.push_back(std::move(key));
    }
    Skip();
    return path;
  }

  absl::StatusOr<Relation> Operator(bool ordered) {
    if (TakeSign("=")) return Relation::kEqual;
    if (TakeSign("!=")) return Relation::kNotEqual;
    if (!ordered) return Wrong("expected one of = !=");
    if (TakeSign("<=")) return Relation::kAtMost;
    if (TakeSign(">=")) return Relation::kAtLeast;
    if (TakeSign("<")) return Relation::kLess;
    if (TakeSign(">")) return Relation::kGreater;
    return Wrong("expected one of = != < <= > >=");
  }

  absl::StatusOr<FilterLiteral> Literal() {
    FilterLiteral literal{.quoted = AtQuote()};
    if (literal.quoted) {
      ASSIGN_OR_RETURN(literal.text, QuotedText());
    } else {
      literal.text = Word();
      if (literal.text.empty()) return Wrong("expected a value");
    }
    Skip();
    return literal;
  }

  bool AtQuote() const { return at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\''); }

  absl::StatusOr<std::string> QuotedText() {
    const char quote = text_[at_];
    std::string text;
    for (size_t i = at_ + 1; i < text_.size(); ++i) {
      if (text_[i] == quote) {
        at_ = i + 1;
        return text;
      }
      if (text_[i] == '\\' && i + 1 < text_.size()) ++i;
      text.push_back(text_[i]);
    }
    return Wrong("expected the end of the quoted text");
  }

  static bool InName(char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == ':' || c == '+' ||
           (c & 0x80) != 0;
  }
  static bool InWord(char c) { return InName(c) || c == '.'; }

  std::string Name() { return TakeWhile(InName); }
  std::string Word() { return TakeWhile(InWord); }
  std::string TakeWhile(bool (*in)(char)) {
    const size_t begin = at_;
    while (at_ < text_.size() && in(text_[at_])) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
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

  absl::Status Wrong(absl::string_view expected) const { return Wrong(expected, at_); }
  static absl::Status Wrong(absl::string_view expected, size_t place) {
    return InvalidField("filter", absl::StrCat(expected, " at byte ", place));
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
