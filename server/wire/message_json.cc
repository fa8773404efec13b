#include "server/wire/message_json.h"

#include <utility>

#include "server/common/errors.h"
#include "server/common/status_macros.h"

namespace atrium {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Value;

// Where a payload is.
struct PayloadPlace {
  const MessageShape& shape;
  // Null if there is none.
  Message* owner;

  Value* Mutable() const {
    return static_cast<Value*>(shape.reflection().MutableMessage(owner, shape.payload()->descriptor));
  }
  bool is_set() const { return owner != nullptr && shape.reflection().HasField(*owner, shape.payload()->descriptor); }
};

// In the first message of `message`, from the outside in, that has a payload field.
PayloadPlace FindPayload(const MessageShape& shape, Message& message) {
  if (shape.payload() != nullptr) return {shape, &message};
  for (const MessageShape::Field& field : shape.fields()) {
    if (field.message == nullptr || field.descriptor->is_repeated() ||
        field.message->type().well_known_type() != Descriptor::WELLKNOWNTYPE_UNSPECIFIED ||
        !shape.reflection().HasField(message, field.descriptor)) {
      continue;
    }
    Message& inner = *shape.reflection().MutableMessage(&message, field.descriptor);
    if (const PayloadPlace place = FindPayload(*field.message, inner); place.owner != nullptr) return place;
  }
  return {shape, nullptr};
}

PayloadPlace FindPayload(Message& message) { return FindPayload(MessageShape::Of(*message.GetDescriptor()), message); }

}  // namespace

const FieldDescriptor* PayloadField(const Descriptor& type) {
  const FieldDescriptor* found = nullptr;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field.is_repeated() ||
        field.message_type()->well_known_type() != Descriptor::WELLKNOWNTYPE_VALUE) {
      continue;
    }
    if (found != nullptr) return nullptr;
    found = &field;
  }
  return found;
}

absl::StatusOr<Payload> TakePayload(Message& message) {
  const PayloadPlace place = FindPayload(message);
  if (!place.is_set()) return Payload();
  absl::StatusOr<Payload> payload = Payload::FromValue(*place.Mutable());
  const FieldDescriptor& field = *place.shape.payload()->descriptor;
  if (!payload.ok()) {
    const std::string inner = ErrorField(payload.status());
    return inner.empty() ? InvalidField(field.json_name(), payload.status().message())
                         : PrefixField(field.json_name(), payload.status());
  }
  place.shape.reflection().ClearField(place.owner, &field);
  return payload;
}

void PutPayload(const Payload& payload, Message& message) {
  if (payload.empty()) return;
  const PayloadPlace place = FindPayload(message);
  if (place.owner != nullptr) *place.Mutable() = payload.ToValue();
}

}  // namespace atrium
