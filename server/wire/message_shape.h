#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <vector>

#include "absl/strings/string_view.h"

namespace atrium {

// What JSON and patches want to know of a message type, found out once. A descriptor answers by search, and a message
// reaches its own descriptor and reflection through a once_flag: for a short message that costs more than to read it.
//
// Immutable; thread-safe.
class MessageShape {
 public:
  struct Field {
    const google::protobuf::FieldDescriptor* descriptor;
    // Of the message that it is a field of.
    const google::protobuf::Reflection* reflection;
    // In JSON, and in the proto.
    absl::string_view json_name;
    absl::string_view name;
    // Null if it stands in no oneof that the proto names.
    const google::protobuf::OneofDescriptor* oneof;
    // Of its messages, or of the entries of a map; else null.
    const MessageShape* message;
    // null is a value of it and does not mean that it is absent.
    bool takes_null;
  };

  // Of a generated type. It stays as long as the process.
  static const MessageShape& Of(const google::protobuf::Descriptor& type);

  const google::protobuf::Descriptor& type() const { return type_; }
  const google::protobuf::Reflection& reflection() const { return reflection_; }

  // By index, as the proto has them.
  const std::vector<Field>& fields() const { return fields_; }
  // By its name in JSON or in the proto; null if there is none.
  const Field* Find(absl::string_view name) const;
  // See PayloadField in message_json.h; null if there is none.
  const Field* payload() const { return payload_; }

 private:
  class Table;
  explicit MessageShape(const google::protobuf::Descriptor& type);

  const google::protobuf::Descriptor& type_;
  const google::protobuf::Reflection& reflection_;
  std::vector<Field> fields_;
  const Field* payload_ = nullptr;
};

}  // namespace atrium
