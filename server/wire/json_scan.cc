#include "server/wire/json_scan.h"

#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/wire/json.h"

namespace atrium {
namespace {

// Returns the place behind the string that begins with the quote at `begin`, or npos if it does not end.
size_t EndOfString(absl::string_view text, size_t begin) {
  for (size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] == '\\') ++i;
  }
  return absl::string_view::npos;
}

size_t SkipSpace(absl::string_view text, size_t at) {
  while (at < text.size() && absl::ascii_isspace(text[at])) ++at;
  return at;
}

bool IsKey(absl::string_view quoted, absl::string_view name) {
  if (quoted.find('\\') == absl::string_view::npos) return quoted.substr(1, quoted.size() - 2) == name;
  const absl::StatusOr<json::value> key = ParseJson(quoted);
  return key.ok() && ToView(key->get_string()) == name;
}

// An object or list around a place.
struct Level {
  bool object;
  // This is the key of the entry, as it is written, without its quotes; it is empty before the colon.
  absl::string_view key = {};
  // This is the index of the element.
  size_t index = 0;
};

std::string ToPath(const std::vector<Level>& levels) {
  std::string path;
  for (const Level& level : levels) {
    if (!level.object) {
      absl::StrAppend(&path, "[", level.index, "]");
    } else if (!level.key.empty()) {
      absl::StrAppend(&path, path.empty() ? "" : ".", level.key);
    }
  }
  return path;
}

}  // namespace

std::string JsonPathAt(absl::string_view text, size_t at) {
  std::vector<Level> levels;
  for (size_t i = 0; i < at && i < text.size();) {
    const char c = text[i];
    if (c == '"') {
      const size_t end = EndOfString(text, i);
      if (end > at) break;
      const size_t colon = SkipSpace(text, end);
      const bool is_key = colon < text.size() && text[colon] == ':' && !levels.empty() && levels.back().object;
      if (is_key) levels.back().key = text.substr(i + 1, end - i - 2);
      i = end;
      continue;
    }
    if (c == '{' || c == '[') {
      levels.push_back({.object = c == '{'});
    } else if (levels.empty()) {
      // This belongs to a scalar, or is nothing that JSON has.
    } else if (c == '}' || c == ']') {
      levels.pop_back();
    } else if (c == ',') {
      ++levels.back().index;
      levels.back().key = {};
    }
    ++i;
  }
  return ToPath(levels);
}

std::optional<absl::string_view> FindJsonMember(absl::string_view text, absl::string_view name) {
  std::optional<absl::string_view> found;
  size_t i = SkipSpace(text, 0);
  if (i == text.size() || text[i] != '{') return found;
  size_t depth = 0;
  // These two are about the member that is being passed.
  bool is_wanted = false;
  size_t value_begin = 0;
  while (i < text.size()) {
    const char c = text[i];
    if (c == '"') {
      const size_t end = EndOfString(text, i);
      if (end == absl::string_view::npos) return found;
      const size_t colon = SkipSpace(text, end);
      if (depth == 1 && colon < text.size() && text[colon] == ':') {
        is_wanted = IsKey(text.substr(i, end - i), name);
        value_begin = colon + 1;
        i = value_begin;
      } else {
        i = end;
      }
      continue;
    }
    if (depth == 1 && is_wanted && (c == ',' || c == '}')) {
      found = absl::StripAsciiWhitespace(text.substr(value_begin, i - value_begin));
      is_wanted = false;
    }
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) {
      const bool alone = SkipSpace(text, i + 1) == text.size();
      return alone ? found : std::nullopt;
    }
    ++i;
  }
  return found;
}

}  // namespace atrium
