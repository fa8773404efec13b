#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace atrium {

// What JSON and patches want to know of a message type, found out once. A descriptor answers by search, and a message
// reaches its own descriptor and reflection through a once_flag, which costs more than reading a short message does; so
// does a field that is asked for its type.
//
// It is immutable and thread-safe.
class MessageShape {
 public:
  struct Field {
    const google::protobuf::FieldDescriptor* descriptor;
    // This is the reflection of the message that has the field.
    const google::protobuf::Reflection* reflection;
    // These are its names in JSON and in the proto.
    absl::string_view json_name;
    absl::string_view name;
    // What stands before its value in JSON: the name in quotes, and a colon.
    std::string json_key;
    google::protobuf::FieldDescriptor::CppType cpp_type;
    bool is_repeated;
    // A map is repeated, too.
    bool is_map;
    bool has_presence;
    // The oneof that the field stands in, if the proto names one; else null.
    const google::protobuf::OneofDescriptor* oneof;
    // The shape of its messages, or of the entries of a map; null for other fields.
    const MessageShape* message;
    // A JSON null is a value of this field and does not mean that the field is absent.
    bool takes_null;

    // Returns what an entry of this map holds.
    const Field& map_value() const { return message->fields()[1]; }
  };

  // Returns the shape of a generated type. It lives as long as the process.
  static const MessageShape& Of(const google::protobuf::Descriptor& type);

  const google::protobuf::Descriptor& type() const { return type_; }
  const google::protobuf::Reflection& reflection() const { return reflection_; }

  // Returns the fields in the proto's order, by index.
  const std::vector<Field>& fields() const { return fields_; }
  // Finds a field by its name in JSON or in the proto; null if there is none.
  const Field* Find(absl::string_view name) const;
  // Returns the field that PayloadField (message_json.h) speaks of; null if there is none.
  const Field* payload() const { return payload_; }

 private:
  class Table;
  explicit MessageShape(const google::protobuf::Descriptor& type);

  const google::protobuf::Descriptor& type_;
  const google::protobuf::Reflection& reflection_;
  std::vector<Field> fields_;
  const Field* payload_ = nullptr;
};

// Says which singular fields of one message are set, as they are walked in their order. A oneof is asked once for all
// of its fields, because reflection takes long to answer for each. It is used by one thread, while the message stays as
// it is.
class SetFields {
 public:
  explicit SetFields(const google::protobuf::Message& message) : message_(message) {}

  bool Has(const MessageShape::Field& field) {
    if (field.oneof == nullptr) return field.reflection->HasField(message_, field.descriptor);
    if (std::exchange(oneof_, field.oneof) != field.oneof) {
      set_ = field.reflection->GetOneofFieldDescriptor(message_, oneof_);
    }
    return set_ == field.descriptor;
  }

 private:
  const google::protobuf::Message& message_;
  // This is the field that is set of the oneof that came last.
  const google::protobuf::OneofDescriptor* oneof_ = nullptr;
  const google::protobuf::FieldDescriptor* set_ = nullptr;
};

}  // namespace atrium
