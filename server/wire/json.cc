#include "server/wire/json.h"

#include <algorithm>
#include <array>
#include <bit>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/common/errors.h"
#include "server/wire/json_scan.h"

namespace atrium {
namespace {

constexpr int64_t kMaxInteger = int64_t{1} << 53;

absl::Status JsonError(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_JSON", message);
}

absl::Status RefusedNumber(absl::string_view text, size_t at) {
  const std::string rule = absl::StrCat("number at byte ", at,
                                        ": integers go up to 2^53, and beyond it have the digits of their double's "
                                        "shortest form; a number must fit a double");
  const std::string field = JsonPathAt(text, at);
  if (field.empty()) return JsonError(rule);
  return InvalidField(field, rule);
}

// Builds a value as boost::json::parser does, and refuses integers that a double cannot hold.
class Handler {
 public:
  static constexpr size_t max_object_size = json::object::max_size();
  static constexpr size_t max_array_size = json::array::max_size();
  static constexpr size_t max_key_size = json::string::max_size();
  static constexpr size_t max_string_size = json::string::max_size();

  std::array<unsigned char, 1024> scratch;  // for small texts
  json::value_stack stack{{}, scratch.data(), scratch.size()};
  bool number_refused = false;

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return true; }
  bool on_object_end(size_t n, json::error_code&) { return stack.push_object(n), true; }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(size_t n, json::error_code&) { return stack.push_array(n), true; }
  bool on_key_part(json::string_view s, size_t, json::error_code&) { return stack.push_chars(s), true; }
  bool on_key(json::string_view s, size_t, json::error_code&) { return stack.push_key(s), true; }
  bool on_string_part(json::string_view s, size_t, json::error_code&) { return stack.push_chars(s), true; }
  bool on_string(json::string_view s, size_t, json::error_code&) { return stack.push_string(s), true; }
  // A number that the parser saw in pieces would lose its head here; the whole text is given at once.
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(int64_t i, json::string_view text, json::error_code& ec) {
    if (i > kMaxInteger || i < -kMaxInteger) return on_double(static_cast<double>(i), text, ec);
    return stack.push_int64(i), true;
  }
  bool on_uint64(uint64_t i, json::string_view text, json::error_code& ec) {
    return on_double(static_cast<double>(i), text, ec);
  }
  bool on_double(double d, json::string_view text, json::error_code& ec) {
    const bool integer = text.find_first_of(".eE") == json::string_view::npos;
    // Boost 1.81 rounds numbers of many digits to a neighbour of the nearest double. Out of range, it is right: 0 or
    // inf.
    std::from_chars(text.data(), text.data() + text.size(), d);
    if (!std::isfinite(d) || (integer && !IsShortestForm(ToView(text), d))) return Refuse(ec);
    const json::value number = NumberValue(d);
    return number.is_int64() ? stack.push_int64(number.get_int64()) : stack.push_double(d), true;
  }
  bool on_bool(bool b, json::error_code&) { return stack.push_bool(b), true; }
  bool on_null(json::error_code&) { return stack.push_null(), true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  bool Refuse(json::error_code& ec) {
    number_refused = true;
    ec = json::error::not_number;
    return false;
  }
};

struct Writer {
  std::string& out;

  void Write(const json::value& value) {
    switch (value.kind()) {
      case json::kind::null: out += "null"; break;
      case json::kind::bool_: out += value.get_bool() ? "true" : "false"; break;
      case json::kind::int64: absl::StrAppend(&out, value.get_int64()); break;
      case json::kind::uint64: absl::StrAppend(&out, value.get_uint64()); break;
      case json::kind::double_: AppendJsonNumber(out, value.get_double()); break;
      case json::kind::string: AppendJsonString(out, ToView(value.get_string())); break;
      case json::kind::array: WriteArray(value.get_array()); break;
      case json::kind::object: WriteObject(value.get_object()); break;
    }
  }
  void WriteArray(const json::array& array) {
    char separator = '[';
    for (const json::value& element : array) {
      out.push_back(separator);
      Write(element);
      separator = ',';
    }
    if (separator == '[') out.push_back('[');
    out.push_back(']');
  }
  void WriteObject(const json::object& object) {
    char separator = '{';
    for (const auto& [key, element] : object) {
      out.push_back(separator);
      AppendJsonString(out, ToView(key));
      out.push_back(':');
      Write(element);
      separator = ',';
    }
    if (separator == '{') out.push_back('{');
    out.push_back('}');
  }
};

// Each character takes so many bytes inside a JSON string.
constexpr std::array<uint8_t, 256> kEscapedSize = [] {
  std::array<uint8_t, 256> size{};
  for (int c = 0; c < 256; ++c) size[c] = c < 0x20 ? 6 : 1;
  for (const unsigned char c : {'"', '\\', '\b', '\f', '\n', '\r', '\t'}) size[c] = 2;
  return size;
}();
size_t EscapedSize(char c) { return kEscapedSize[static_cast<unsigned char>(c)]; }

// Returns a word with a bit in the byte of the first of eight characters that must be escaped, and none before it.
uint64_t EscapedIn(uint64_t word) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  // Sets the high bit of bytes that are less than `n`, which is at most 128; behind the first, of others perhaps too.
  const auto below = [](uint64_t bytes, uint64_t n) { return (bytes - kOnes * n) & ~bytes & kOnes << 7; };
  return below(word, 0x20) | below(word ^ kOnes * '"', 1) | below(word ^ kOnes * '\\', 1);
}

void AppendEscape(std::string& out, char c) {
  out.push_back('\\');
  switch (c) {
    case '\b': out.push_back('b'); break;
    case '\f': out.push_back('f'); break;
    case '\n': out.push_back('n'); break;
    case '\r': out.push_back('r'); break;
    case '\t': out.push_back('t'); break;
    case '"':
    case '\\': out.push_back(c); break;
    default: absl::StrAppend(&out, "u", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad4));
  }
}

size_t StringSize(absl::string_view text) {
  size_t size = 2;
  for (const char c : text) size += EscapedSize(c);
  return size;
}

}  // namespace

bool NestsDeeper(const json::value& value, int depth) {
  const auto element_does = [depth](const json::value& element) { return NestsDeeper(element, depth - 1); };
  if (const json::array* const array = value.if_array()) {
    return depth == 0 || std::any_of(array->begin(), array->end(), element_does);
  }
  if (const json::object* const object = value.if_object()) {
    return depth == 0 ||
           std::any_of(object->begin(), object->end(), [&](const auto& entry) { return element_does(entry.value()); });
  }
  return false;
}

std::string NestingRule() { return absl::StrCat("nesting too deep (max ", kMaxJsonDepth, ")"); }

absl::StatusOr<json::value> ParseJson(absl::string_view text, int max_depth, json::storage_ptr storage) {
  json::parse_options options;
  // Boost counts the levels below the outermost value.
  options.max_depth = max_depth;
  json::basic_parser<Handler> parser(options);
  parser.handler().stack.reset(std::move(storage));
  json::error_code error;
  const size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (!error && read == text.size()) return parser.handler().stack.release();
  if (parser.handler().number_refused) return RefusedNumber(text, read);
  if (error == json::error::too_deep) {
    // The levels of a document around its values are not the client's business.
    return JsonError(absl::StrCat("JSON ", NestingRule()));
  }
  if (!error) error = json::error::extra_data;
  return JsonError(absl::StrCat("invalid JSON at byte ", read, ": ", error.message()));
}

void AppendJson(std::string& out, const json::value& value) { Writer{out}.Write(value); }

std::string ToJson(const json::value& value) {
  constexpr size_t kOften = 100;
  std::string out;
  out.reserve(kOften);
  AppendJson(out, value);
  return out;
}

size_t JsonSize(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return 4;
    case json::kind::bool_: return value.get_bool() ? 4 : 5;
    case json::kind::string: return StringSize(ToView(value.get_string()));
    case json::kind::array: {
      const json::array& array = value.get_array();
      size_t size = array.empty() ? 2 : 1 + array.size();
      for (const json::value& element : array) size += JsonSize(element);
      return size;
    }
    case json::kind::object: {
      const json::object& object = value.get_object();
      size_t size = object.empty() ? 2 : 1 + object.size();
      for (const auto& [key, element] : object) size += StringSize(ToView(key)) + 1 + JsonSize(element);
      return size;
    }
    default: {
      std::string number;
      AppendJson(number, value);
      return number.size();
    }
  }
}

size_t PlainLength(absl::string_view text) {
  constexpr size_t kWord = sizeof(uint64_t);
  static_assert(std::endian::native == std::endian::little);
  const auto escaped_at = [&](size_t at) {
    uint64_t word;
    std::memcpy(&word, text.data() + at, kWord);
    return EscapedIn(word);
  };
  size_t i = 0;
  for (; i + kWord <= text.size(); i += kWord) {
    if (const uint64_t escaped = escaped_at(i)) return i + static_cast<size_t>(std::countr_zero(escaped)) / 8;
  }
  // The last characters are looked at once more, with some before them.
  if (text.size() >= kWord && i < text.size() && escaped_at(text.size() - kWord) == 0) return text.size();
  while (i < text.size() && EscapedSize(text[i]) == 1) ++i;
  return i;
}

void AppendJsonString(std::string& out, absl::string_view text) {
  out.push_back('"');
  for (;;) {
    const size_t plain = PlainLength(text);
    out.append(text.data(), plain);
    if (plain == text.size()) break;
    AppendEscape(out, text[plain]);
    text.remove_prefix(plain + 1);
  }
  out.push_back('"');
}

json::value NumberValue(double number) {
  // This makes 0 of -0, which would be written as an integer, and then read without its sign.
  if (std::trunc(number) == number && std::abs(number) <= kMaxInteger) return static_cast<int64_t>(number);
  return number;
}

namespace {

// Returns the digits of a decimal number that count: without sign, point, exponent and the zeros around them.
std::string SignificantDigits(absl::string_view number) {
  std::string digits;
  for (const char c : number.substr(0, number.find_first_of("eE"))) {
    if (absl::ascii_isdigit(static_cast<unsigned char>(c)) && (c != '0' || !digits.empty())) digits.push_back(c);
  }
  digits.resize(digits.find_last_not_of('0') + 1);
  return digits;
}

// Takes the digits at the front of `text`; false if there are none.
bool TakeDigits(absl::string_view& text) {
  size_t count = 0;
  while (count < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[count]))) ++count;
  text.remove_prefix(count);
  return count > 0;
}

}  // namespace

bool IsJsonNumber(absl::string_view text) {
  absl::ConsumePrefix(&text, "-");
  if (!absl::ConsumePrefix(&text, "0") && !TakeDigits(text)) return false;
  if (absl::ConsumePrefix(&text, ".") && !TakeDigits(text)) return false;
  if (absl::ConsumePrefix(&text, "e") || absl::ConsumePrefix(&text, "E")) {
    if (!absl::ConsumePrefix(&text, "+")) absl::ConsumePrefix(&text, "-");
    if (!TakeDigits(text)) return false;
  }
  return text.empty();
}

bool IsShortestForm(absl::string_view decimal, double number) {
  char shortest[32];
  const char* const end = std::to_chars(shortest, std::end(shortest), number, std::chars_format::scientific).ptr;
  return SignificantDigits(decimal) == SignificantDigits({shortest, static_cast<size_t>(end - shortest)});
}

void AppendJsonNumber(std::string& out, double number) {
  char buffer[32];
  char* const end = buffer + sizeof(buffer);
  const std::to_chars_result result = std::abs(number) > kMaxInteger
                                          ? std::to_chars(buffer, end, number, std::chars_format::scientific)
                                          : std::to_chars(buffer, end, number);
  out.append(buffer, result.ptr);
}

}  // namespace atrium
