#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/live/room_type.h"

namespace atrium {

// The room classes of a server, by name. Filled at the start, then constant: thread-safe.
class RoomRegistry {
 public:
  // Registers `T`, whose name is `T::kName`. ALREADY_EXISTS if the name is taken, INVALID_ARGUMENT if it cannot be
  // the front of a room id.
  template <typename T>
  absl::Status Add() {
    auto info = std::make_unique<RoomTypeInfo>();
    info->name = std::string(T::kName);
    info->create = [] { return std::make_unique<T>(); };
    RoomType<T> type(*info);
    T::Describe(type);
    return AddInfo(std::move(info));
  }

  // The type of the room `room_id`; null if the room is untyped.
  const RoomTypeInfo* TypeOf(absl::string_view room_id) const;

  // In the order of their index.
  const std::vector<std::unique_ptr<RoomTypeInfo>>& types() const { return types_; }

 private:
  absl::Status AddInfo(std::unique_ptr<RoomTypeInfo> info);

  std::vector<std::unique_ptr<RoomTypeInfo>> types_;
};

}  // namespace atrium
