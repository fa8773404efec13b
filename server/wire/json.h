#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace atrium {

namespace json = boost::json;

// Debian's Abseil has a string_view of its own, to which Boost's does not convert.
inline absl::string_view ToView(json::string_view text) { return {text.data(), text.size()}; }
inline json::string_view FromView(absl::string_view text) { return {text.data(), text.size()}; }

// Objects and lists nest this deep at most, on every door.
inline constexpr int kMaxJsonDepth = 32;

// Reads one JSON text (RFC 8259). INVALID_ARGUMENT, with the byte where it went wrong, when it is not JSON or
// not UTF-8, nests deeper than `max_depth`, or holds an integer beyond 2^53, which a double would falsify, or a
// number beyond a double. With a point or an exponent a number may be larger: it does not claim to be exact.
// The value, and all that is in it, is made in `storage`.
absl::StatusOr<json::value> ParseJson(absl::string_view text, int max_depth = kMaxJsonDepth,
                                      json::storage_ptr storage = {});

// Writes `value` in its canonical form: no white space, numbers shortest-form, keys in their order.
void AppendJson(std::string& out, const json::value& value);
std::string ToJson(const json::value& value);

// The length of ToJson(value), without making it.
size_t JsonSize(const json::value& value);

// `number`, which is finite, as a value; as an integer if it is one of at most 2^53, -0 as 0.
json::value NumberValue(double number);

void AppendJsonString(std::string& out, absl::string_view text);
// How much of `text`, from its begin, stands in a JSON string as it is, without an escape.
size_t PlainLength(absl::string_view text);
// Shortest form that reads as the same double; beyond 2^53 with an exponent, so that ParseJson takes it.
void AppendJsonNumber(std::string& out, double number);

}  // namespace atrium
