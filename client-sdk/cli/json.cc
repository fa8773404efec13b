#include "client-sdk/cli/json.h"

#include <google/protobuf/util/json_util.h>

#include <boost/json/parse.hpp>

#include "absl/strings/str_cat.h"

namespace atrium::cli {

std::string ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
  return status.ok() ? text : "{}";
}

absl::StatusOr<google::protobuf::Value> ReadJson(absl::string_view what, const std::string& text) {
  json::error_code error;
  const json::value value = json::parse(text, error);
  if (!error) return ToProto(value);
  return absl::InvalidArgumentError(absl::StrCat(what, " is not JSON (", error.message(), "): ", text,
                                                 R"(; a text needs its quotes: '"like this"')"));
}

google::protobuf::Value ToProto(const json::value& value) {
  google::protobuf::Value proto;
  switch (value.kind()) {
    case json::kind::null: proto.set_null_value(google::protobuf::NULL_VALUE); break;
    case json::kind::bool_: proto.set_bool_value(value.get_bool()); break;
    case json::kind::int64: proto.set_number_value(static_cast<double>(value.get_int64())); break;
    case json::kind::uint64: proto.set_number_value(static_cast<double>(value.get_uint64())); break;
    case json::kind::double_: proto.set_number_value(value.get_double()); break;
    case json::kind::string: proto.set_string_value(value.get_string().c_str(), value.get_string().size()); break;
    case json::kind::array:
      proto.mutable_list_value();
      for (const json::value& element : value.get_array()) {
        *proto.mutable_list_value()->add_values() = ToProto(element);
      }
      break;
    case json::kind::object:
      proto.mutable_struct_value();
      for (const auto& [key, element] : value.get_object()) {
        (*proto.mutable_struct_value()->mutable_fields())[std::string(key)] = ToProto(element);
      }
      break;
  }
  return proto;
}

json::value FromProto(const google::protobuf::Value& value) {
  using google::protobuf::Value;
  switch (value.kind_case()) {
    case Value::kNumberValue: return value.number_value();
    case Value::kStringValue: return json::string(value.string_value());
    case Value::kBoolValue: return value.bool_value();
    case Value::kListValue: {
      json::array array;
      for (const Value& element : value.list_value().values()) array.push_back(FromProto(element));
      return array;
    }
    case Value::kStructValue: {
      json::object object;
      for (const auto& [key, element] : value.struct_value().fields()) object[key] = FromProto(element);
      return object;
    }
    case Value::kNullValue:
    case Value::KIND_NOT_SET: break;
  }
  return nullptr;
}

}  // namespace atrium::cli
