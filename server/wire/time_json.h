#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <string>

#include "absl/strings/string_view.h"

namespace atrium {

// These append the JSON forms without quotes: `2026-11-23T02:37:00.120Z` and `1.500s`, with 0, 3, 6 or 9 digits behind
// the point.
void AppendTimestamp(std::string& out, const google::protobuf::Timestamp& time);
void AppendDuration(std::string& out, const google::protobuf::Duration& duration);

// These return false if `text` is not of that form or out of range: the years 1 to 9999 for a time, about 10,000 years
// for a duration.
bool ParseTimestamp(absl::string_view text, google::protobuf::Timestamp& time);
bool ParseDuration(absl::string_view text, google::protobuf::Duration& duration);

}  // namespace atrium
