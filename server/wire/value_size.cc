#include "server/wire/value_size.h"

#include <algorithm>

#include "server/wire/json.h"

namespace atrium {
namespace {

// The tag of each field that stands here has so many bytes.
constexpr int64_t kTag = 1;
// A length that depends on what is within is counted with so many bytes.
constexpr int64_t kLength = 4;

constexpr int64_t kWordBytes = kTag + 1 + 2;    // true, false, null
constexpr int64_t kNumberBytes = kTag + 1 + 9;  // a double
constexpr int64_t kContainerBytes = 2 * (kTag + kLength);

// Returns the size of that many bytes and the varint of their number.
int64_t Delimited(int64_t bytes) {
  int64_t size = bytes + 1;
  for (int64_t left = bytes >> 7; left > 0; left >>= 7) ++size;
  return size;
}

int64_t StringBytes(int64_t length) { return kTag + Delimited(kTag + Delimited(length)); }

// Returns the size of an entry of an object, without its value.
int64_t KeyBytes(int64_t length) { return kTag + kLength + kTag + Delimited(length); }

int64_t ProtoSize(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
    case json::kind::bool_: return kWordBytes;
    case json::kind::string: return StringBytes(static_cast<int64_t>(value.get_string().size()));
    case json::kind::array: {
      int64_t size = kContainerBytes;
      for (const json::value& element : value.get_array()) size += ProtoSize(element);
      return size;
    }
    case json::kind::object: {
      int64_t size = kContainerBytes;
      for (const auto& [key, element] : value.get_object()) {
        size += KeyBytes(static_cast<int64_t>(key.size())) + ProtoSize(element);
      }
      return size;
    }
    default: return kNumberBytes;
  }
}

// Takes a string off the front of `text`; returns how many bytes it stands for. Canonical JSON escapes what is one
// byte.
int64_t TakeString(absl::string_view& text) {
  int64_t length = 0;
  text.remove_prefix(1);
  for (;;) {
    const size_t plain = PlainLength(text);
    length += static_cast<int64_t>(plain);
    text.remove_prefix(plain);
    if (text.size() < 2 || text.front() == '"') break;
    constexpr size_t kShort = 2;  // \n
    constexpr size_t kLong = 6;   // \u0001
    text.remove_prefix(std::min(text.size(), text[1] == 'u' ? kLong : kShort));
    ++length;
  }
  text.remove_prefix(std::min<size_t>(text.size(), 1));
  return length;
}

int64_t ProtoSize(absl::string_view text) {
  int64_t size = 0;
  while (!text.empty()) {
    switch (text.front()) {
      case '"': {
        const int64_t length = TakeString(text);
        const bool is_key = !text.empty() && text.front() == ':';
        size += is_key ? KeyBytes(length) : StringBytes(length);
        break;
      }
      case '{':
      case '[':
        size += kContainerBytes;
        text.remove_prefix(1);
        break;
      case '}':
      case ']':
      case ',':
      case ':': text.remove_prefix(1); break;
      default: {
        const char first = text.front();
        size += first == 't' || first == 'f' || first == 'n' ? kWordBytes : kNumberBytes;
        text.remove_prefix(std::min(text.size(), text.find_first_of(",]}")));
      }
    }
  }
  return size;
}

}  // namespace

ValueSize SizeOf(const json::value& value) {
  return {.json = static_cast<int64_t>(JsonSize(value)), .proto = ProtoSize(value)};
}

size_t CountValues(const json::value& value, size_t most) {
  size_t count = 1;
  const auto add = [&](const json::value& inner) {
    if (count <= most) count += CountValues(inner, most - count + 1);
  };
  if (value.is_array()) {
    for (const json::value& element : value.get_array()) add(element);
  } else if (value.is_object()) {
    for (const auto& [key, entry] : value.get_object()) add(entry);
  }
  return count;
}

ValueSize SizeOfJson(absl::string_view text) {
  return {.json = static_cast<int64_t>(text.size()), .proto = ProtoSize(text)};
}

ValueSize SizeOfKey(absl::string_view key) {
  constexpr size_t kColon = 1;
  return {.json = static_cast<int64_t>(JsonSize(json::value(FromView(key))) + kColon),
          .proto = KeyBytes(static_cast<int64_t>(key.size()))};
}

bool LongDataFit(absl::string_view json) {
  const ValueSize size = SizeOfJson(json);
  return size.json <= kMaxDataBytes && size.proto <= kMaxProtoBytes;
}

}  // namespace atrium
