#pragma once

#include <optional>

#include "server/wire/json.h"

namespace atrium {

// What a service may set of a room.
struct RoomUpdate {
  std::optional<bool> locked;
  std::optional<bool> unlisted;
  // This replaces all that services have set, but not what the room's code has.
  std::optional<json::object> metadata;
};

}  // namespace atrium
