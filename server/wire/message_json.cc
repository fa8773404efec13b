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

// The first message of `message`, from the outside in, that has a payload field; null if there is none.
Message* FindPayloadOwner(Message& message) {
  const Descriptor& type = *message.GetDescriptor();
  if (PayloadField(type) != nullptr) return &message;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field.is_repeated() ||
        field.message_type()->well_known_type() != Descriptor::WELLKNOWNTYPE_UNSPECIFIED ||
        !message.GetReflection()->HasField(message, &field)) {
      continue;
    }
    if (Message* owner = FindPayloadOwner(*message.GetReflection()->MutableMessage(&message, &field))) return owner;
  }
  return nullptr;
}

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
  Message* const owner = FindPayloadOwner(message);
  if (owner == nullptr) return Payload();
  const FieldDescriptor& field = *PayloadField(*owner->GetDescriptor());
  const google::protobuf::Reflection& reflection = *owner->GetReflection();
  if (!reflection.HasField(*owner, &field)) return Payload();
  absl::StatusOr<Payload> payload =
      Payload::FromValue(static_cast<const Value&>(reflection.GetMessage(*owner, &field)));
  if (!payload.ok()) {
    const std::string inner = ErrorField(payload.status());
    return inner.empty() ? InvalidField(field.json_name(), payload.status().message())
                         : PrefixField(field.json_name(), payload.status());
  }
  reflection.ClearField(owner, &field);
  return payload;
}

void PutPayload(const Payload& payload, Message& message) {
  if (payload.empty()) return;
  Message* const owner = FindPayloadOwner(message);
  if (owner == nullptr) return;
  const FieldDescriptor& field = *PayloadField(*owner->GetDescriptor());
  static_cast<Value&>(*owner->GetReflection()->MutableMessage(owner, &field)) = payload.ToValue();
}

}  // namespace atrium
