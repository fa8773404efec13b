#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "server/wire/payload.h"

namespace atrium {

// How long a JSON value is in both of its forms.
struct ValueSize {
  // This is the length of its canonical JSON, in bytes.
  int64_t json = 0;
  // This is the greatest length that its google.protobuf.Value may have as a field or an element, in bytes. The lengths
  // before lists, objects and their entries are counted with the four bytes that they may take, so that sizes add up,
  // and the size of a changed state is known from what changes. It is at most 6 times `json`, and 5 more.
  int64_t proto = 0;

  ValueSize& operator+=(const ValueSize& other) {
    json += other.json;
    proto += other.proto;
    return *this;
  }
  ValueSize& operator-=(const ValueSize& other) {
    json -= other.json;
    proto -= other.proto;
    return *this;
  }
  bool operator==(const ValueSize& other) const = default;
};

ValueSize SizeOf(const json::value& value);
// Returns the size of a value whose canonical JSON is `text`.
ValueSize SizeOfJson(absl::string_view text);
// Returns how many values an object holds, at any depth; counting ends above `most`.
size_t CountValues(const json::object& object, size_t most);

// Returns how many values a value holds, at any depth and itself included; counting ends above `most`.
size_t CountValues(const json::value& value, size_t most);

// Returns what the key of an object's entry takes beside the entry's value, without the comma.
ValueSize SizeOfKey(absl::string_view key);

// What a room hands out must reach clients that are set up as they come, and gRPC ones take messages of 4 MiB. A state,
// the data of an event and the result of a call are therefore at most so long in their protobuf form; the list of
// members, and what else stands beside a state, fits into what is left of 3.5 MiB.
inline constexpr int64_t kMaxProtoBytes = 3 << 20;
inline constexpr int64_t kMaxMemberListBytes = 384 << 10;
// The data of an event, or a result, has at most so many bytes as JSON. The limit of states is a flag.
inline constexpr int64_t kMaxDataBytes = 1 << 20;

// Both return whether these limits hold for the data of an event, or a result. FitsMessages is faster with short data.
bool LongDataFit(absl::string_view json);
inline bool FitsMessages(const Payload& data) {
  // Data that are shorter than this fit, whatever is in them.
  constexpr size_t kShort = kMaxProtoBytes / 6 - 1;
  return data.Json().size() < kShort || LongDataFit(data.Json());
}
// This says the same as the rule of a field.
inline constexpr char kDataRule[] = "must have at most 1048576 bytes as JSON and 3145728 as a google.protobuf.Value";

}  // namespace atrium
