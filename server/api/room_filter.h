#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/api/filter_field.h"

namespace atrium {

// A filter of ListRooms (AIP-160, without functions, wildcards and the `:` operator). How its literals are read is told
// at FilterField. Behind `metadata`, dots lead into objects; a key that holds a dot, or anything else than letters,
// digits and _ - + :, is written in quotes. In quotes, a backslash takes the character behind it as it is.
struct RoomFilter {
  RoomPredicate matches;
  // Whether there is no condition, so that `matches` need not be asked.
  bool matches_all = false;
  // Whether it says something about unlisted rooms, so that those that it matches are listed.
  bool names_unlisted = false;
};

// Reads a filter. An empty text matches every room. INVALID_ARGUMENT, naming `filter` and the byte where it goes wrong,
// counted from 0, if something else was expected there or a literal cannot be of its field's type, or if the text has
// more than 1000 bytes or more than 32 parentheses in each other.
absl::StatusOr<RoomFilter> ParseRoomFilter(absl::string_view text);

}  // namespace atrium
