#include "server/live/room_registry.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"
#include "server/live/room_id.h"

namespace atrium {

absl::Status RoomRegistry::AddInfo(std::unique_ptr<RoomTypeInfo> info) {
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

const RoomTypeInfo* RoomRegistry::TypeOf(absl::string_view room_id) const {
  const absl::string_view prefix = TypePrefix(room_id);
  if (prefix.empty()) return nullptr;
  for (const auto& type : types_) {
    if (type->name == prefix) return type.get();
  }
  return nullptr;
}

}  // namespace atrium
