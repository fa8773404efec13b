#pragma once

#include <google/protobuf/message.h>
#include <google/protobuf/struct.pb.h>

#include <boost/json/value.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace atrium::cli {

namespace json = boost::json;

// Returns the canonical JSON of a message, on one line, with its zeros.
std::string ToJson(const google::protobuf::Message& message);

// Reads JSON as somebody typed it. INVALID_ARGUMENT, "<what> is not JSON: <why>", if it is none.
absl::StatusOr<google::protobuf::Value> ReadJson(absl::string_view what, const std::string& text);

google::protobuf::Value ToProto(const json::value& value);
json::value FromProto(const google::protobuf::Value& value);

}  // namespace atrium::cli
