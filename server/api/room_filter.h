#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "atrium/v1/resources.pb.h"

namespace atrium {

// A filter of ListRooms (AIP-160, without functions and the `:` operator).
struct RoomFilter {
  // Thread-safe.
  std::function<bool(const v1::Room&)> matches;
  // There is no condition: `matches` need not be asked.
  bool matches_all = false;
  // It says something about unlisted rooms: those that it matches are meant.
  bool names_unlisted = false;
};

// INVALID_ARGUMENT naming `filter` and the byte where it goes wrong. An empty text matches every room.
absl::StatusOr<RoomFilter> ParseRoomFilter(absl::string_view text);

}  // namespace atrium
