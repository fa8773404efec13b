#include "server/wire/message_shape.h"

#include <memory>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "server/common/mutex.h"
#include "server/wire/message_json.h"

namespace atrium {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MessageFactory;
using google::protobuf::Reflection;

bool TakesNull(const FieldDescriptor& field) {
  if (field.is_repeated()) return false;
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
    return field.enum_type()->full_name() == "google.protobuf.NullValue";
  }
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         field.message_type()->well_known_type() == Descriptor::WELLKNOWNTYPE_VALUE;
}

const Reflection& ReflectionOf(const Descriptor& type) {
  return *MessageFactory::generated_factory()->GetPrototype(&type)->GetReflection();
}

}  // namespace

// Every shape that was asked for. Types may hold each other, so they are made together.
class MessageShape::Table {
 public:
  const MessageShape& Get(const Descriptor& type) {
    const MutexLock lock(mutex_);
    return Make(type);
  }

 private:
  const MessageShape& Make(const Descriptor& type) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto [it, is_new] = shapes_.try_emplace(&type);
    if (!is_new) return *it->second;
    it->second.reset(new MessageShape(type));
    MessageShape& shape = *it->second;
    for (Field& field : shape.fields_) {
      if (const Descriptor* const message = field.descriptor->message_type()) field.message = &Make(*message);
    }
    return shape;
  }

  Mutex mutex_;
  absl::flat_hash_map<const Descriptor*, std::unique_ptr<MessageShape>> shapes_ ABSL_GUARDED_BY(mutex_);
};

MessageShape::MessageShape(const Descriptor& type) : type_(type), reflection_(ReflectionOf(type)) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* const field = type.field(i);
    fields_.push_back({.descriptor = field,
                       .reflection = &reflection_,
                       .json_name = field->json_name(),
                       .name = field->name(),
                       .json_key = absl::StrCat("\"", field->json_name(), "\":"),
                       .cpp_type = field->cpp_type(),
                       .is_repeated = field->is_repeated(),
                       .is_map = field->is_map(),
                       .has_presence = field->has_presence(),
                       .oneof = field->real_containing_oneof(),
                       .message = nullptr,
                       .takes_null = TakesNull(*field)});
  }
  if (const FieldDescriptor* const payload = PayloadField(type)) payload_ = &fields_[payload->index()];
}

const MessageShape& MessageShape::Of(const Descriptor& type) {
  static Table& table = *new Table;
  // Each thread asks for a type once: no lock after that.
  thread_local absl::flat_hash_map<const Descriptor*, const MessageShape*> known;
  const MessageShape*& shape = known[&type];
  if (shape == nullptr) shape = &table.Get(type);
  return *shape;
}

const MessageShape::Field* MessageShape::Find(absl::string_view name) const {
  for (const Field& field : fields_) {
    if (field.json_name == name || field.name == name) return &field;
  }
  return nullptr;
}

}  // namespace atrium
