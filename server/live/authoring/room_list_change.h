#pragma once

#include <string>
#include <vector>

#include "server/wire/json.h"

namespace atrium {

// A typed room that ListRooms shows.
struct ListedRoom {
  std::string id;
  json::object metadata;
};

// How the list of rooms has changed since the last time.
struct RoomListChange {
  // These are new, or have other metadata.
  std::vector<ListedRoom> listed;
  // These were destroyed, have expired or are not listed any more.
  std::vector<std::string> gone;
};

}  // namespace atrium
