#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/live/component_type.h"
#include "server/live/room_type.h"

namespace atrium {

// The room and component classes of a server, by name. Filled at the start, then constant: thread-safe.
class RoomRegistry {
 public:
  // Registers `T`, whose name is `T::kName`. ALREADY_EXISTS if the name is taken, INVALID_ARGUMENT if it cannot be
  // the front of a room id.
  template <typename T>
  absl::Status Add() {
    auto info = std::make_unique<RoomTypeInfo>();
    info->name = std::string(T::kName);
    info->create = [] { return std::make_unique<T>(); };
    info->state = &T::StateMessage::default_instance();
    info->meta = &T::MetaMessage::default_instance();
    RoomType<T> type(*info);
    T::Describe(type);
    return AddInfo(std::move(info));
  }

  // The same for a component class. INVALID_ARGUMENT also if its state has no field that ClientSets names.
  template <typename T>
  absl::Status AddComponent() {
    auto info = std::make_unique<ComponentTypeInfo>();
    info->name = std::string(T::kName);
    info->create = [] { return std::make_unique<T>(); };
    info->state = T::StateMessage::descriptor();
    ComponentType<T> type(*info);
    T::Describe(type);
    return AddComponentInfo(std::move(info));
  }

  // The type of the room `room_id`; null if the room is untyped.
  const RoomTypeInfo* TypeOf(absl::string_view room_id) const;

  // Null if there is no such component class.
  const ComponentTypeInfo* FindComponent(absl::string_view name) const;

  // In the order of their index.
  const std::vector<std::unique_ptr<RoomTypeInfo>>& types() const { return types_; }

 private:
  absl::Status AddInfo(std::unique_ptr<RoomTypeInfo> info);
  absl::Status AddComponentInfo(std::unique_ptr<ComponentTypeInfo> info);

  std::vector<std::unique_ptr<RoomTypeInfo>> types_;
  absl::flat_hash_map<std::string, std::unique_ptr<ComponentTypeInfo>> components_;
};

}  // namespace atrium
