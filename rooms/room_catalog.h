#pragma once

#include "absl/status/status.h"
#include "server/live/authoring/room_registry.h"

namespace atrium {

// Registers every room and component class of the build. ALREADY_EXISTS, with the name, if two share one.
absl::Status RegisterRooms(RoomRegistry& registry);

}  // namespace atrium
