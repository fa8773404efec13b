#include "server/live/authoring/room_registry.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"
#include "server/live/authoring/room_id.h"

namespace atrium {

absl::Status RoomRegistry::Add(std::unique_ptr<RoomTypeInfo> info) {
  RETURN_IF_ERROR(ValidateRoomId("kName", absl::StrCat(info->name, ":x")));
  if (info->name.find(':') != std::string::npos) return InvalidField("kName", "must not contain a colon");
  for (const auto& type : types_) {
    if (type->name != info->name) continue;
    return MakeError(absl::StatusCode::kAlreadyExists, "ROOM_TYPE_TAKEN",
                     absl::StrCat("LiveRoom '", info->name, "' is already registered"));
  }
  info->index = static_cast<int>(types_.size());
  types_.push_back(std::move(info));
  return absl::OkStatus();
}

absl::Status RoomRegistry::AddComponentInfo(std::unique_ptr<ComponentTypeInfo> info) {
  RETURN_IF_ERROR(ValidateRoomId("kName", info->name));
  for (const std::string& field : info->client_fields) {
    if (info->state->FindFieldByName(field) != nullptr) continue;
    return InvalidField(absl::StrCat(info->name, ".ClientSets"), absl::StrCat("the state has no field '", field, "'"));
  }
  std::string name = info->name;
  if (components_.try_emplace(name, std::move(info)).second) return absl::OkStatus();
  return MakeError(absl::StatusCode::kAlreadyExists, "COMPONENT_TAKEN",
                   absl::StrCat("LiveComponent '", name, "' is already registered"));
}

const ComponentTypeInfo* RoomRegistry::FindComponent(absl::string_view name) const {
  const auto it = components_.find(name);
  return it == components_.end() ? nullptr : it->second.get();
}

absl::Status ComponentTypeInfo::CheckClientState(const json::object& given) const {
  for (const auto& [key, value] : given) {
    const std::string name(key);
    const google::protobuf::FieldDescriptor* field = state->FindFieldByCamelcaseName(name);
    if (field == nullptr) field = state->FindFieldByName(name);
    if (field != nullptr && !client_fields.contains(field->name())) {
      return InvalidField(name, "is not the client's to set");
    }
  }
  return absl::OkStatus();
}

const RoomTypeInfo* RoomRegistry::TypeOf(absl::string_view room_id) const {
  const absl::string_view prefix = TypePrefix(room_id);
  if (prefix.empty()) return nullptr;
  for (const auto& type : types_) {
    if (type->name == prefix) return type.get();
  }
  return nullptr;
}

}  // namespace atrium
