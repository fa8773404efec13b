#pragma once

#include "absl/status/status.h"
#include "server/live/room_registry.h"

namespace atrium {

// Registers every room class of the build. ALREADY_EXISTS, with the name, if two share one.
absl::Status RegisterRooms(RoomRegistry& registry);

}  // namespace atrium
