#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/struct.pb.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "atrium/v1/resources.pb.h"
#include "server/wire/message_json.h"
#include "server/wire/time_json.h"

namespace atrium {
namespace {

using google::protobuf::Any;
using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::Reflection;
using google::protobuf::Struct;
using google::protobuf::Value;

// An Any in an Any costs few bytes and much stack.
constexpr int kMaxAnyDepth = 8;

const char* NotFiniteName(double number) {
  if (std::isnan(number)) return "\"NaN\"";
  return number > 0 ? "\"Infinity\"" : "\"-Infinity\"";
}

void AppendFloat(std::string& out, float number) {
  if (!std::isfinite(number)) {
    out += NotFiniteName(number);
    return;
  }
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof(text), number).ptr);
}

void AppendDouble(std::string& out, double number) {
  if (std::isfinite(number)) return AppendJsonNumber(out, number);
  out += NotFiniteName(number);
}

// Values that came in through a door are valid. What a room put into its state by itself may not be: null.
void AppendValue(std::string& out, const Value& value) {
  const absl::StatusOr<json::value> converted = FromProtoValue(value);
  AppendJson(out, converted.ok() ? *converted : json::value());
}

void AppendStruct(std::string& out, const Struct& fields) {
  Value value;
  *value.mutable_struct_value() = fields;
  AppendValue(out, value);
}

// `key` is a name in quotes, and a colon. A comma comes before it unless an object has just been opened.
void AppendKey(std::string& out, absl::string_view key) {
  if (out.back() != '{') out.push_back(',');
  out.append(key.data(), key.size());
}

bool IsMember(const MessageShape& shape) {
  static const Descriptor* const member = v1::Member::descriptor();
  return &shape.type() == member;
}

// This is written by hand, because whoever joins a room is told of all who are there, and reflection takes several
// times as long.
void AppendMember(std::string& out, const v1::Member& member, JsonZeros zeros) {
  const bool print_zeros = zeros == JsonZeros::kPrint;
  const auto append_text = [&](absl::string_view key, const std::string& text) {
    if (text.empty() && !print_zeros) return;
    AppendKey(out, key);
    AppendJsonString(out, text);
  };
  out.push_back('{');
  append_text(R"("id":)", member.id());
  append_text(R"("userId":)", member.user_id());
  if (member.has_join_time()) {
    AppendKey(out, R"("joinTime":")");
    AppendTimestamp(out, member.join_time());
    out.push_back('"');
  }
  if (member.has_info()) {
    AppendKey(out, R"("info":)");
    AppendStruct(out, member.info());
  }
  if (member.connected() || print_zeros) {
    AppendKey(out, R"("connected":)");
    out += member.connected() ? "true" : "false";
  }
  out.push_back('}');
}

std::string MapKeyText(const Message& entry, const FieldDescriptor& field) {
  const Reflection& reflection = *entry.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: return reflection.GetString(entry, &field);
    case FieldDescriptor::CPPTYPE_INT32: return absl::StrCat(reflection.GetInt32(entry, &field));
    case FieldDescriptor::CPPTYPE_UINT32: return absl::StrCat(reflection.GetUInt32(entry, &field));
    case FieldDescriptor::CPPTYPE_INT64: return absl::StrCat(reflection.GetInt64(entry, &field));
    case FieldDescriptor::CPPTYPE_UINT64: return absl::StrCat(reflection.GetUInt64(entry, &field));
    default: return reflection.GetBool(entry, &field) ? "true" : "false";
  }
}

class Writer {
 public:
  using Field = MessageShape::Field;

  Writer(std::string& out, JsonZeros zeros, const Payload& payload)
      : out_(out), zeros_(zeros), payload_(payload.empty() ? nullptr : &payload) {}

  void Write(const MessageShape& shape, const Message& message) {
    switch (shape.type().well_known_type()) {
      case Descriptor::WELLKNOWNTYPE_UNSPECIFIED:
        if (IsMember(shape)) return AppendMember(out_, static_cast<const v1::Member&>(message), zeros_);
        return WriteObject(shape, message);
      case Descriptor::WELLKNOWNTYPE_FIELDMASK: return WriteObject(shape, message);
      case Descriptor::WELLKNOWNTYPE_TIMESTAMP:
        out_.push_back('"');
        AppendTimestamp(out_, static_cast<const google::protobuf::Timestamp&>(message));
        out_.push_back('"');
        return;
      case Descriptor::WELLKNOWNTYPE_DURATION:
        out_.push_back('"');
        AppendDuration(out_, static_cast<const google::protobuf::Duration&>(message));
        out_.push_back('"');
        return;
      case Descriptor::WELLKNOWNTYPE_VALUE: return AppendValue(out_, static_cast<const Value&>(message));
      case Descriptor::WELLKNOWNTYPE_STRUCT: return AppendStruct(out_, static_cast<const Struct&>(message));
      case Descriptor::WELLKNOWNTYPE_LISTVALUE: {
        Value value;
        *value.mutable_list_value() = static_cast<const google::protobuf::ListValue&>(message);
        return AppendValue(out_, value);
      }
      case Descriptor::WELLKNOWNTYPE_ANY: return WriteAny(static_cast<const Any&>(message));
      default:  // The wrappers.
        return WriteElement(message, shape.fields().front(), kSingularField);
    }
  }

  // Writes one value of `field`: its element `index`, or all of a field that is not repeated.
  void WriteElement(const Message& message, const Field& field, int index) {
    const Reflection& reflection = *field.reflection;
    const auto get = [&](auto singular, auto repeated) {
      return index == kSingularField ? (reflection.*singular)(message, field.descriptor)
                                     : (reflection.*repeated)(message, field.descriptor, index);
    };
    switch (field.cpp_type) {
      case FieldDescriptor::CPPTYPE_INT32:
        return absl::StrAppend(&out_, get(&Reflection::GetInt32, &Reflection::GetRepeatedInt32));
      case FieldDescriptor::CPPTYPE_UINT32:
        return absl::StrAppend(&out_, get(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32));
      case FieldDescriptor::CPPTYPE_INT64:
        return absl::StrAppend(&out_, "\"", get(&Reflection::GetInt64, &Reflection::GetRepeatedInt64), "\"");
      case FieldDescriptor::CPPTYPE_UINT64:
        return absl::StrAppend(&out_, "\"", get(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64), "\"");
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return AppendDouble(out_, get(&Reflection::GetDouble, &Reflection::GetRepeatedDouble));
      case FieldDescriptor::CPPTYPE_FLOAT:
        return AppendFloat(out_, get(&Reflection::GetFloat, &Reflection::GetRepeatedFloat));
      case FieldDescriptor::CPPTYPE_BOOL:
        out_ += get(&Reflection::GetBool, &Reflection::GetRepeatedBool) ? "true" : "false";
        return;
      case FieldDescriptor::CPPTYPE_ENUM:
        return WriteEnum(*field.descriptor, get(&Reflection::GetEnumValue, &Reflection::GetRepeatedEnumValue));
      case FieldDescriptor::CPPTYPE_STRING: return WriteText(message, field, index);
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return Write(*field.message, index == kSingularField
                                         ? reflection.GetMessage(message, field.descriptor)
                                         : reflection.GetRepeatedMessage(message, field.descriptor, index));
    }
  }

 private:
  void WriteObject(const MessageShape& shape, const Message& message) {
    out_.push_back('{');
    WriteFields(shape, message);
    out_.push_back('}');
  }

  void WriteFields(const MessageShape& shape, const Message& message) {
    const Field* const payload_field = payload_ == nullptr ? nullptr : shape.payload();
    // It is taken before any inner message sees it.
    const Payload* const payload = payload_field == nullptr ? nullptr : std::exchange(payload_, nullptr);
    SetFields set(message);
    for (const Field& field : shape.fields()) {
      if (&field == payload_field) {
        WriteName(field);
        out_ += payload->Json();
      } else if (field.is_repeated) {
        WriteRepeated(message, field);
      } else if ((zeros_ == JsonZeros::kPrint && !field.has_presence) || set.Has(field)) {
        WriteName(field);
        WriteElement(message, field, kSingularField);
      }
    }
  }

  void WriteRepeated(const Message& message, const Field& field) {
    const int size = field.reflection->FieldSize(message, field.descriptor);
    if (size == 0 && zeros_ == JsonZeros::kOmit) return;
    WriteName(field);
    const Payload* const payload = std::exchange(payload_, nullptr);  // Not for an element.
    if (field.is_map) {
      WriteMap(message, field);
    } else {
      out_.push_back('[');
      for (int i = 0; i < size; ++i) {
        if (i > 0) out_.push_back(',');
        WriteElement(message, field, i);
      }
      out_.push_back(']');
    }
    payload_ = payload;
  }

  void WriteMap(const Message& message, const Field& field) {
    out_.push_back('{');
    for (const auto& [key, entry] : MapEntries(message, *field.descriptor)) {
      Separate();
      AppendJsonString(out_, key);
      out_.push_back(':');
      WriteElement(*entry, field.map_value(), kSingularField);
    }
    out_.push_back('}');
  }

  void WriteEnum(const FieldDescriptor& field, int number) {
    if (field.enum_type()->full_name() == "google.protobuf.NullValue") {
      out_ += "null";
    } else if (const auto* const value = field.enum_type()->FindValueByNumber(number)) {
      absl::StrAppend(&out_, "\"", value->name(), "\"");
    } else {
      absl::StrAppend(&out_, number);
    }
  }

  void WriteText(const Message& message, const Field& field, int index) {
    std::string scratch;
    const std::string& text =
        index == kSingularField
            ? field.reflection->GetStringReference(message, field.descriptor, &scratch)
            : field.reflection->GetRepeatedStringReference(message, field.descriptor, index, &scratch);
    if (field.descriptor->type() == FieldDescriptor::TYPE_STRING) return AppendJsonString(out_, text);
    absl::StrAppend(&out_, "\"", absl::Base64Escape(text), "\"");
  }

  void WriteAny(const Any& any) {
    out_ += "{\"@type\":";
    AppendJsonString(out_, any.type_url());
    if (const std::unique_ptr<Message> inner = Unpack(any)) {
      ++any_depth_;
      const MessageShape& shape = MessageShape::Of(*inner->GetDescriptor());
      if (shape.type().well_known_type() == Descriptor::WELLKNOWNTYPE_UNSPECIFIED) {
        WriteFields(shape, *inner);
      } else {
        out_ += ",\"value\":";
        Write(shape, *inner);
      }
      --any_depth_;
    }
    out_.push_back('}');
  }

  // Returns null if this process does not know the type: its name is all that can be told then.
  std::unique_ptr<Message> Unpack(const Any& any) const {
    if (any_depth_ == kMaxAnyDepth) return nullptr;
    const std::string name = any.type_url().substr(any.type_url().rfind('/') + 1);
    const Descriptor* const type = DescriptorPool::generated_pool()->FindMessageTypeByName(name);
    if (type == nullptr) return nullptr;
    std::unique_ptr<Message> inner(MessageFactory::generated_factory()->GetPrototype(type)->New());
    return inner->ParseFromString(any.value()) ? std::move(inner) : nullptr;
  }

  // Appends a comma, unless an object has just been opened.
  void Separate() {
    if (out_.back() != '{') out_.push_back(',');
  }

  void WriteName(const Field& field) { AppendKey(out_, field.json_key); }

  std::string& out_;
  const JsonZeros zeros_;
  // This is null once it is written.
  const Payload* payload_;
  int any_depth_ = 0;
};

}  // namespace

void AppendMessageJson(std::string& out, const Message& message, JsonZeros zeros, const Payload& payload) {
  Writer(out, zeros, payload).Write(MessageShape::Of(*message.GetDescriptor()), message);
}

std::string FieldToJson(const Message& message, const MessageShape::Field& field, int index) {
  std::string out;
  Writer(out, JsonZeros::kPrint, {}).WriteElement(message, field, index);
  return out;
}

std::vector<std::pair<std::string, const Message*>> MapEntries(const Message& message, const FieldDescriptor& field) {
  const FieldDescriptor& key_field = *field.message_type()->map_key();
  const int size = message.GetReflection()->FieldSize(message, &field);
  std::vector<std::pair<std::string, const Message*>> entries;
  entries.reserve(size);
  for (int i = 0; i < size; ++i) {
    const Message& entry = message.GetReflection()->GetRepeatedMessage(message, &field, i);
    entries.emplace_back(MapKeyText(entry, key_field), &entry);
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

std::string MessageToJson(const Message& message, JsonZeros zeros, const Payload& payload) {
  std::string out;
  AppendMessageJson(out, message, zeros, payload);
  return out;
}

}  // namespace atrium
