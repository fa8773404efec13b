#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/struct.pb.h>

#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "absl/container/fixed_array.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"
#include "server/wire/message_json.h"
#include "server/wire/message_shape.h"
#include "server/wire/time_json.h"

namespace atrium {
namespace {

using google::protobuf::Any;
using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::Reflection;

constexpr char kMustBeObject[] = "must be an object";

// Where the reader is. There is a link on the stack for each level, and it becomes text only for an error.
struct Path {
  const Path* parent = nullptr;
  absl::string_view name = {};
  // This is the index of an element.
  int index = -1;

  std::string ToString() const {
    std::string text = parent == nullptr ? std::string() : parent->ToString();
    if (!name.empty()) absl::StrAppend(&text, text.empty() ? "" : ".", name);
    if (index >= 0) absl::StrAppend(&text, "[", index, "]");
    return text;
  }

  absl::Status Breaks(absl::string_view rule) const {
    const std::string text = ToString();
    if (!text.empty()) return InvalidField(text, rule);
    return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_JSON", absl::StrCat("the message ", rule));
  }
};

template <typename Integer>
std::optional<Integer> Narrow(auto number) {
  if (!std::in_range<Integer>(number)) return std::nullopt;
  return static_cast<Integer>(number);
}

template <typename Integer>
std::optional<Integer> IntegerFromText(absl::string_view text) {
  // SimpleAtoi also takes white space and a plus sign.
  if (text.empty() || !absl::ascii_isdigit(text.back())) return std::nullopt;
  if (!absl::ascii_isdigit(text.front()) && text.front() != '-') return std::nullopt;
  Integer number = 0;
  if (!absl::SimpleAtoi(text, &number)) return std::nullopt;
  return number;
}

// Reads a whole number in any of its forms: 5, 5.0, "5".
template <typename Integer>
std::optional<Integer> ReadInteger(const json::value& value) {
  switch (value.kind()) {
    case json::kind::int64: return Narrow<Integer>(value.get_int64());
    case json::kind::uint64: return Narrow<Integer>(value.get_uint64());
    case json::kind::double_: {
      const double number = value.get_double();
      if (std::trunc(number) != number || std::abs(number) >= 0x1p63) return std::nullopt;
      const auto integer = static_cast<int64_t>(number);
      // If this is not so, the text had other digits: such an integer is to come as a string.
      if (!IsShortestForm(absl::StrCat(integer), number)) return std::nullopt;
      return Narrow<Integer>(integer);
    }
    case json::kind::string: return IntegerFromText<Integer>(ToView(value.get_string()));
    default: return std::nullopt;
  }
}

template <typename Integer>
std::string IntegerRule() {
  return absl::StrCat("must be an integer from ", std::numeric_limits<Integer>::min(), " to ",
                      std::numeric_limits<Integer>::max());
}

std::optional<double> NumberFromText(absl::string_view text) {
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  double number = 0;
  // SimpleAtod also takes white space, names such as "inf", and 0x7.
  if (!IsJsonNumber(text) || !absl::SimpleAtod(text, &number) || !std::isfinite(number)) return std::nullopt;
  return number;
}

std::optional<double> ReadNumber(const json::value& value) {
  switch (value.kind()) {
    case json::kind::int64: return static_cast<double>(value.get_int64());
    case json::kind::uint64: return static_cast<double>(value.get_uint64());
    case json::kind::double_: return value.get_double();
    case json::kind::string: return NumberFromText(ToView(value.get_string()));
    default: return std::nullopt;
  }
}

std::optional<int> ReadEnum(const json::value& value, const EnumDescriptor& type) {
  if (!value.is_string()) return value.is_number() ? ReadInteger<int32_t>(value) : std::nullopt;
  const auto* const found = type.FindValueByName(std::string(ToView(value.get_string())));
  if (found == nullptr) return std::nullopt;
  return found->number();
}

std::string EnumRule(const EnumDescriptor& type) {
  std::string rule = "must be one of ";
  for (int i = 0; i < type.value_count(); ++i) absl::StrAppend(&rule, i == 0 ? "" : ", ", type.value(i)->name());
  return rule;
}

std::optional<std::string> ReadBytes(const json::value& value) {
  if (!value.is_string()) return std::nullopt;
  const absl::string_view text = ToView(value.get_string());
  const bool web_safe = text.find_first_of("-_") != text.npos;
  std::string bytes;
  if (!(web_safe ? absl::WebSafeBase64Unescape(text, &bytes) : absl::Base64Unescape(text, &bytes))) {
    return std::nullopt;
  }
  return bytes;
}

// The document around a value was parsed with room for that.
absl::Status CheckDepth(const json::value& value, const Path& path) {
  return NestsDeeper(value) ? path.Breaks(NestingRule()) : absl::OkStatus();
}

class Reader {
  using Field = MessageShape::Field;

 public:
  explicit Reader(Payload* payload) : payload_(payload) {}

  absl::Status Read(const json::value& value, const MessageShape& shape, Message& message, const Path& path) {
    switch (shape.type().well_known_type()) {
      case Descriptor::WELLKNOWNTYPE_UNSPECIFIED:
      case Descriptor::WELLKNOWNTYPE_FIELDMASK:
        if (!value.is_object()) return path.Breaks(kMustBeObject);
        return ReadFields(value.get_object(), shape, message, path);
      case Descriptor::WELLKNOWNTYPE_TIMESTAMP:
        if (value.is_string() &&
            ParseTimestamp(ToView(value.get_string()), static_cast<google::protobuf::Timestamp&>(message))) {
          return absl::OkStatus();
        }
        return path.Breaks("must be a time such as \"2026-11-23T02:37:00Z\"");
      case Descriptor::WELLKNOWNTYPE_DURATION:
        if (value.is_string() &&
            ParseDuration(ToView(value.get_string()), static_cast<google::protobuf::Duration&>(message))) {
          return absl::OkStatus();
        }
        return path.Breaks("must be a duration in seconds such as \"1.5s\"");
      case Descriptor::WELLKNOWNTYPE_VALUE:
        RETURN_IF_ERROR(CheckDepth(value, path));
        static_cast<google::protobuf::Value&>(message) = ToProtoValue(value);
        return absl::OkStatus();
      case Descriptor::WELLKNOWNTYPE_STRUCT:
        if (!value.is_object()) return path.Breaks(kMustBeObject);
        RETURN_IF_ERROR(CheckDepth(value, path));
        static_cast<google::protobuf::Struct&>(message).Swap(ToProtoValue(value).mutable_struct_value());
        return absl::OkStatus();
      case Descriptor::WELLKNOWNTYPE_LISTVALUE:
        if (!value.is_array()) return path.Breaks("must be a list");
        RETURN_IF_ERROR(CheckDepth(value, path));
        static_cast<google::protobuf::ListValue&>(message).Swap(ToProtoValue(value).mutable_list_value());
        return absl::OkStatus();
      case Descriptor::WELLKNOWNTYPE_ANY: return ReadAny(value, static_cast<Any&>(message), path);
      default:  // The wrappers.
        return ReadElement(value, shape, shape.fields()[0], message, path);
    }
  }

  // `path` is that of the field.
  absl::Status ReadField(const json::value& value, const MessageShape& shape, const Field& field, Message& message,
                         const Path& path) {
    if (value.is_null() && !field.takes_null) return absl::OkStatus();
    if (payload_ != nullptr && &field == shape.payload()) {
      RETURN_IF_ERROR(CheckDepth(value, path));
      *std::exchange(payload_, nullptr) = Payload::FromJson(value);
      return absl::OkStatus();
    }
    if (!field.descriptor->is_repeated()) return ReadElement(value, shape, field, message, path);
    Payload* const payload = std::exchange(payload_, nullptr);  // Not from an element.
    absl::Status status = field.descriptor->is_map() ? ReadMap(value, shape, field, message, path)
                                                     : ReadList(value, shape, field, message, path);
    payload_ = payload;
    return status;
  }

 private:
  // `skip` is a name that is no field's.
  absl::Status ReadFields(const json::object& object, const MessageShape& shape, Message& message, const Path& path,
                          absl::string_view skip = {}) {
    // An outer payload field stands before all inner ones.
    const Field* const payload_field = payload_ == nullptr ? nullptr : shape.payload();
    Payload* const own = payload_field == nullptr ? nullptr : payload_;
    absl::FixedArray<bool, 32> seen(shape.fields().size(), false);
    for (const auto& [key, value] : object) {
      const absl::string_view name = ToView(key);
      if (!skip.empty() && name == skip) continue;
      const Field* const field = shape.Find(name);
      if (field == nullptr) return Path{&path, name}.Breaks("unknown field");
      const Path field_path{&path, field->json_name};
      if (std::exchange(seen[field->descriptor->index()], true)) return field_path.Breaks("is given twice");
      if (!value.is_null() || field->takes_null) RETURN_IF_ERROR(CheckOneof(shape, *field, message, field_path));
      if (own != nullptr) payload_ = field == payload_field ? own : nullptr;
      RETURN_IF_ERROR(ReadField(value, shape, *field, message, field_path));
    }
    if (own != nullptr) payload_ = nullptr;
    return absl::OkStatus();
  }

  static absl::Status CheckOneof(const MessageShape& shape, const Field& field, const Message& message,
                                 const Path& path) {
    if (field.oneof == nullptr) return absl::OkStatus();
    const FieldDescriptor* const other = shape.reflection().GetOneofFieldDescriptor(message, field.oneof);
    if (other == nullptr) return absl::OkStatus();
    return path.Breaks(absl::StrCat("cannot stand beside ", other->json_name()));
  }

  absl::Status ReadList(const json::value& value, const MessageShape& shape, const Field& field, Message& message,
                        const Path& path) {
    if (!value.is_array()) return path.Breaks("must be a list");
    int index = 0;
    for (const json::value& element : value.get_array()) {
      RETURN_IF_ERROR(ReadElement(element, shape, field, message, Path{&path, {}, index++}));
    }
    return absl::OkStatus();
  }

  absl::Status ReadMap(const json::value& value, const MessageShape& shape, const Field& field, Message& message,
                       const Path& path) {
    if (!value.is_object()) return path.Breaks(kMustBeObject);
    const MessageShape& entries = *field.message;
    const Field& entry_key = entries.fields()[0];
    const Field& entry_value = entries.fields()[1];
    for (const auto& [key, element] : value.get_object()) {
      const Path entry_path{&path, absl::string_view(key.data(), key.size())};
      Message& entry = *shape.reflection().AddMessage(&message, field.descriptor);
      RETURN_IF_ERROR(ReadMapKey(entry_path.name, entries, entry_key, entry, entry_path));
      RETURN_IF_ERROR(ReadElement(element, entries, entry_value, entry, entry_path));
    }
    return absl::OkStatus();
  }

  absl::Status ReadMapKey(absl::string_view key, const MessageShape& shape, const Field& field, Message& entry,
                          const Path& path) {
    if (field.descriptor->cpp_type() != FieldDescriptor::CPPTYPE_BOOL) {
      return ReadElement(json::value(FromView(key)), shape, field, entry, path);
    }
    if (key != "true" && key != "false") return path.Breaks("has a key that must be true or false");
    shape.reflection().SetBool(&entry, field.descriptor, key == "true");
    return absl::OkStatus();
  }

  // Reads one value, which is appended where the field is repeated.
  absl::Status ReadElement(const json::value& value, const MessageShape& shape, const Field& shape_field,
                           Message& message, const Path& path) {
    const FieldDescriptor& field = *shape_field.descriptor;
    const Reflection& reflection = shape.reflection();
    const auto put = [&](auto read, auto set, auto add, const auto& rule) {
      if (!read) return path.Breaks(rule());
      (reflection.*(field.is_repeated() ? add : set))(&message, &field, *std::move(read));
      return absl::OkStatus();
    };
    const auto put_integer = [&]<typename Integer>(Integer, auto set, auto add) {
      return put(ReadInteger<Integer>(value), set, add, IntegerRule<Integer>);
    };
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32: return put_integer(int32_t(), &Reflection::SetInt32, &Reflection::AddInt32);
      case FieldDescriptor::CPPTYPE_UINT32:
        return put_integer(uint32_t(), &Reflection::SetUInt32, &Reflection::AddUInt32);
      case FieldDescriptor::CPPTYPE_INT64: return put_integer(int64_t(), &Reflection::SetInt64, &Reflection::AddInt64);
      case FieldDescriptor::CPPTYPE_UINT64:
        return put_integer(uint64_t(), &Reflection::SetUInt64, &Reflection::AddUInt64);
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return put(ReadNumber(value), &Reflection::SetDouble, &Reflection::AddDouble,
                   [] { return "must be a number"; });
      case FieldDescriptor::CPPTYPE_FLOAT: {
        std::optional<double> number = ReadNumber(value);
        if (number && std::isfinite(*number) && std::abs(*number) > std::numeric_limits<float>::max()) number.reset();
        return put(number, &Reflection::SetFloat, &Reflection::AddFloat,
                   [] { return "must be a number that a float can hold"; });
      }
      case FieldDescriptor::CPPTYPE_BOOL:
        return put(value.is_bool() ? std::optional(value.get_bool()) : std::nullopt, &Reflection::SetBool,
                   &Reflection::AddBool, [] { return "must be true or false"; });
      case FieldDescriptor::CPPTYPE_ENUM: {
        const EnumDescriptor& type = *field.enum_type();
        if (value.is_null() && shape_field.takes_null) {
          reflection.SetEnumValue(&message, &field, 0);
          return absl::OkStatus();
        }
        return put(ReadEnum(value, type), &Reflection::SetEnumValue, &Reflection::AddEnumValue,
                   [&] { return EnumRule(type); });
      }
      case FieldDescriptor::CPPTYPE_STRING:
        if (field.type() == FieldDescriptor::TYPE_BYTES) {
          return put(ReadBytes(value), &Reflection::SetString, &Reflection::AddString,
                     [] { return "must be a string in base64"; });
        }
        return put(value.is_string() ? std::optional(std::string(ToView(value.get_string()))) : std::nullopt,
                   &Reflection::SetString, &Reflection::AddString, [] { return "must be a string"; });
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Read(value, *shape_field.message,
                    field.is_repeated() ? *reflection.AddMessage(&message, &field)
                                        : *reflection.MutableMessage(&message, &field),
                    path);
    }
    return absl::OkStatus();
  }

  absl::Status ReadAny(const json::value& value, Any& any, const Path& path) {
    if (!value.is_object()) return path.Breaks(kMustBeObject);
    const json::object& object = value.get_object();
    const json::value* const url = object.if_contains("@type");
    if (url == nullptr || !url->is_string()) return path.Breaks("must name its type in @type");
    const absl::string_view name = ToView(url->get_string());
    const Descriptor* const type =
        DescriptorPool::generated_pool()->FindMessageTypeByName(std::string(name.substr(name.rfind('/') + 1)));
    if (type == nullptr) return Path{&path, "@type"}.Breaks("unknown type");
    const std::unique_ptr<Message> inner(MessageFactory::generated_factory()->GetPrototype(type)->New());
    const MessageShape& shape = MessageShape::Of(*type);
    Payload* const payload = std::exchange(payload_, nullptr);
    if (type->well_known_type() == Descriptor::WELLKNOWNTYPE_UNSPECIFIED) {
      RETURN_IF_ERROR(ReadFields(object, shape, *inner, path, "@type"));
    } else {
      const Path value_path{&path, "value"};
      if (object.if_contains("value") == nullptr) return value_path.Breaks("is wanted");
      RETURN_IF_ERROR(Read(object.at("value"), shape, *inner, value_path));
    }
    payload_ = payload;
    any.set_type_url(std::string(name));
    any.set_value(inner->SerializeAsString());
    return absl::OkStatus();
  }

  // This is null once it is filled, or if payloads stay in their messages.
  Payload* payload_;
};

}  // namespace

absl::Status MessageFromJson(const json::value& value, Message& message, Payload* payload) {
  return MessageFromJson(value, MessageShape::Of(*message.GetDescriptor()), message, payload);
}

absl::Status MessageFromJson(const json::value& value, const MessageShape& shape, Message& message, Payload* payload) {
  return Reader(payload).Read(value, shape, message, Path{});
}

absl::Status FieldFromJson(const json::value& value, const FieldDescriptor& field, Message& message, Payload* payload) {
  const MessageShape& shape = MessageShape::Of(*field.containing_type());
  return Reader(payload).ReadField(value, shape, shape.fields()[field.index()], message,
                                   Path{nullptr, field.json_name()});
}

}  // namespace atrium
