#include "server/live/rooms/room_metadata.h"

#include <cstddef>

#include "server/live/rooms/room_errors.h"
#include "server/live/rooms/room_storage.h"

namespace atrium {
namespace {

constexpr size_t kMaxOwnMetadataBytes = 4096;

}  // namespace

json::object RoomMetadata::All() const {
  json::object metadata = parts_->of_services;
  for (const auto& [key, value] : parts_->own) metadata.insert_or_assign(key, value);
  return metadata;
}

absl::StatusOr<json::object> RoomMetadata::OwnWith(const json::object& keys) const {
  json::object merged = parts_->own;
  for (const auto& [key, value] : keys) {
    if (value.is_null()) {
      merged.erase(key);
    } else {
      merged.insert_or_assign(key, value);
    }
  }
  if (JsonSize(merged) > kMaxOwnMetadataBytes) return MetadataTooLarge();
  return merged;
}

void RoomMetadata::Store(StoredSettings& settings) const {
  settings.set_metadata(ToJson(parts_->of_services));
  settings.set_own_metadata(ToJson(parts_->own));
}

void RoomMetadata::Restore(const StoredSettings& settings) {
  parts_.Get() = {.of_services = ReadStoredObject(settings.metadata()),
                  .own = ReadStoredObject(settings.own_metadata())};
}

}  // namespace atrium
