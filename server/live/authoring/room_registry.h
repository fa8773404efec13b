#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/live/authoring/component_type.h"
#include "server/live/authoring/room_type.h"

namespace atrium {

// The room types and component classes of a server, by name. It is filled at the start and constant from then on, so
// that any thread may read it.
class RoomRegistry {
 public:
  // Registers `T`, whose name is `T::kName`. ALREADY_EXISTS if the name is taken, INVALID_ARGUMENT if it cannot be
  // the front of a room id.
  template <typename T>
  absl::Status Add() {
    auto info = std::make_unique<RoomTypeInfo>();
    info->name = std::string(T::kName);
    info->hooks = {.on_event = !InheritsOnEvent<T>,
                   .on_event_async = !InheritsOnEventAsync<T>,
                   .on_leave_async = !InheritsOnLeaveAsync<T>};
    info->create = [] { return std::make_unique<T>(); };
    RoomType<T> type(*info);
    T::Describe(type);
    return Add(std::move(info));
  }
  // Does the same for a type that is no class, and sets its `index`.
  absl::Status Add(std::unique_ptr<RoomTypeInfo> info);

  // Does the same for a component class. INVALID_ARGUMENT also if its state lacks a field that ClientSets names.
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

  // Returns the type of the room `room_id`, or null if the room is untyped.
  const RoomTypeInfo* TypeOf(absl::string_view room_id) const;

  // Returns null if there is no such component class.
  const ComponentTypeInfo* FindComponent(absl::string_view name) const;

  // Returns all types in the order of their index.
  const std::vector<std::unique_ptr<RoomTypeInfo>>& types() const { return types_; }

 private:
  absl::Status AddComponentInfo(std::unique_ptr<ComponentTypeInfo> info);

  std::vector<std::unique_ptr<RoomTypeInfo>> types_;
  absl::flat_hash_map<std::string, std::unique_ptr<ComponentTypeInfo>> components_;
};

}  // namespace atrium
