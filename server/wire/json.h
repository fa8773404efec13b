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

// Objects and lists of a value nest this deep at most, on every door, counted from the value itself.
inline constexpr int kMaxJsonDepth = 32;
// A frame, request or response in which such values stand nests this deep at most. No message of this API has a value
// more than 8 levels down.
inline constexpr int kMaxDocumentDepth = kMaxJsonDepth + 8;

// Returns whether objects and lists in `value` nest deeper than `depth`: "[]" does so if that is 0. It descends no
// further than that.
bool NestsDeeper(const json::value& value, int depth = kMaxJsonDepth);
// Returns the rule that every error about such a value states.
std::string NestingRule();

// Reads one JSON text (RFC 8259). INVALID_ARGUMENT, with the byte where it went wrong, when it is not JSON or
// not UTF-8, nests deeper than `max_depth`, or, naming the field, holds a number beyond a double, or an integer beyond
// 2^53 that is not IsShortestForm, because a double would falsify it. With a point or an exponent the nearest double is
// taken, because such a number does not claim to be exact. -0 is 0.
// The value, and all that is in it, is made in `storage`.
absl::StatusOr<json::value> ParseJson(absl::string_view text, int max_depth = kMaxJsonDepth,
                                      json::storage_ptr storage = {});

// Writes `value` in its canonical form: no white space, numbers shortest-form, keys in their order.
void AppendJson(std::string& out, const json::value& value);
std::string ToJson(const json::value& value);

// Returns the length of ToJson(value), without making it.
size_t JsonSize(const json::value& value);

// Returns `number`, which is finite, as a value: as an integer if it is one of at most 2^53; -0 becomes 0.
json::value NumberValue(double number);

// Returns whether `text` is a number as JSON writes them (RFC 8259 section 6), as 42, -0.5 or 2.997e9: without a plus
// sign, leading zeros or other bases, with digits on both sides of a point.
bool IsJsonNumber(absl::string_view text);

// Returns whether `decimal`, as 42, -0.5 or 2.997e9, has the same digits as the shortest form of `number`, the double
// that it is nearest to. ECMAScript writes whole doubles below 1e21 in that form (ECMA-262, Number::toString), so that
// 1790000000000000000 comes back as it was, while 9007199254740993 would not.
bool IsShortestForm(absl::string_view decimal, double number);

void AppendJsonString(std::string& out, absl::string_view text);
// Returns how many bytes of `text`, from its beginning, stand in a JSON string as they are, without an escape.
size_t PlainLength(absl::string_view text);
// Appends the shortest form that reads as the same double; beyond 2^53 it has an exponent, so that ParseJson takes it.
void AppendJsonNumber(std::string& out, double number);

}  // namespace atrium
