#include "server/wire/payload.h"

#include <cmath>
#include <utility>

#include "server/common/errors.h"
#include "server/common/status_macros.h"

namespace atrium {
namespace {

using google::protobuf::Value;

void SetProtoValue(const json::value& value, Value& out) {
  switch (value.kind()) {
    case json::kind::null: out.set_null_value(google::protobuf::NULL_VALUE); break;
    case json::kind::bool_: out.set_bool_value(value.get_bool()); break;
    case json::kind::int64: out.set_number_value(static_cast<double>(value.get_int64())); break;
    case json::kind::uint64: out.set_number_value(static_cast<double>(value.get_uint64())); break;
    case json::kind::double_: out.set_number_value(value.get_double()); break;
    case json::kind::string: {
      const json::string& text = value.get_string();
      out.set_string_value(text.data(), text.size());
      break;
    }
    case json::kind::array: {
      auto& values = *out.mutable_list_value()->mutable_values();
      values.Reserve(static_cast<int>(value.get_array().size()));
      for (const json::value& element : value.get_array()) SetProtoValue(element, *values.Add());
      break;
    }
    case json::kind::object: {
      auto& fields = *out.mutable_struct_value()->mutable_fields();
      for (const auto& [key, element] : value.get_object()) SetProtoValue(element, fields[std::string(key)]);
      break;
    }
  }
}

absl::Status InvalidValue(absl::string_view rule) {
  return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_VALUE", rule);
}

absl::StatusOr<json::value> FromProtoValueAt(const Value& value, int depth) {
  switch (value.kind_case()) {
    case Value::kNullValue: return json::value(nullptr);
    case Value::kBoolValue: return json::value(value.bool_value());
    case Value::kNumberValue:
      if (!std::isfinite(value.number_value())) return InvalidValue("a number must be finite");
      return NumberValue(value.number_value());
    case Value::kStringValue: return json::value(json::string_view(value.string_value()));
    case Value::kListValue: {
      if (depth >= kMaxJsonDepth) break;
      json::array array;
      array.reserve(value.list_value().values_size());
      for (const Value& element : value.list_value().values()) {
        ASSIGN_OR_RETURN(json::value converted, FromProtoValueAt(element, depth + 1));
        array.push_back(std::move(converted));
      }
      return json::value(std::move(array));
    }
    case Value::kStructValue: {
      if (depth >= kMaxJsonDepth) break;
      json::object object;
      object.reserve(value.struct_value().fields_size());
      for (const auto& [key, element] : value.struct_value().fields()) {
        ASSIGN_OR_RETURN(json::value converted, FromProtoValueAt(element, depth + 1));
        object.emplace(key, std::move(converted));
      }
      return json::value(std::move(object));
    }
    case Value::KIND_NOT_SET: return InvalidValue("a google.protobuf.Value must have a kind");
  }
  return InvalidValue(NestingRule());
}

}  // namespace

Value ToProtoValue(const json::value& value) {
  Value out;
  SetProtoValue(value, out);
  return out;
}

absl::StatusOr<json::value> FromProtoValue(const Value& value) { return FromProtoValueAt(value, 0); }

Payload Payload::FromText(std::string text) {
  auto forms = std::make_shared<Forms>();
  forms->json = std::move(text);
  return Payload(std::move(forms));
}

absl::StatusOr<Payload> Payload::FromValue(const Value& value) {
  ASSIGN_OR_RETURN(const json::value converted, FromProtoValue(value));
  Payload payload = FromJson(converted);
  absl::call_once(payload.forms_->value_made, [&] { payload.forms_->value_bytes = value.SerializeAsString(); });
  return payload;
}

const std::string& Payload::Json() const {
  static const std::string& null = *new std::string("null");
  return empty() ? null : forms_->json;
}

const std::string& Payload::ValueBytes() const {
  static const std::string& null = *new std::string(ToProtoValue(nullptr).SerializeAsString());
  if (empty()) return null;
  absl::call_once(forms_->value_made,
                  [this] { forms_->value_bytes = ToProtoValue(ToJsonValue()).SerializeAsString(); });
  return forms_->value_bytes;
}

// The text was checked when the payload was made.
json::value Payload::ToJsonValue() const { return empty() ? json::value() : *ParseJson(forms_->json); }

Value Payload::ToValue() const {
  Value value;
  value.ParseFromString(ValueBytes());
  return value;
}

}  // namespace atrium
