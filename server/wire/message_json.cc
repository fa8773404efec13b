#include "server/wire/message_json.h"

#include <memory>
#include <utility>

#include "absl/memory/memory.h"
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
  // This is null if there is none.
  Message* owner;

  Value* Mutable() const {
    return static_cast<Value*>(shape.reflection().MutableMessage(owner, shape.payload()->descriptor));
  }
  // Returns null if it is not set.
  std::unique_ptr<Value> Take() const {
    if (owner == nullptr) return nullptr;
    return absl::WrapUnique(static_cast<Value*>(shape.reflection().ReleaseMessage(owner, shape.payload()->descriptor)));
  }
};

// Finds it in the first message, from `message` inwards, that has a payload field.
PayloadPlace FindPayload(const MessageShape& shape, Message& message) {
  if (shape.payload() != nullptr) return {shape, &message};
  SetFields set(message);
  for (const MessageShape::Field& field : shape.fields()) {
    if (field.message == nullptr || field.is_repeated || !set.Has(field) ||
        field.message->type().well_known_type() != Descriptor::WELLKNOWNTYPE_UNSPECIFIED) {
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
  const std::unique_ptr<Value> value = place.Take();
  if (value == nullptr) return Payload();
  absl::StatusOr<Payload> payload = Payload::FromValue(*value);
  if (payload.ok()) return payload;
  const std::string& name = place.shape.payload()->descriptor->json_name();
  return ErrorField(payload.status()).empty() ? InvalidField(name, payload.status().message())
                                              : PrefixField(name, payload.status());
}

void PutPayload(const Payload& payload, Message& message) {
  if (payload.empty()) return;
  const PayloadPlace place = FindPayload(message);
  if (place.owner != nullptr) *place.Mutable() = payload.ToValue();
}

}  // namespace atrium
