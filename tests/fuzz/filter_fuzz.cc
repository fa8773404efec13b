// Feeds filters to the parser of ListRooms: each can be asked of a room, or is refused with the byte where it goes
// wrong. Any text in quotes finds the room whose id, or whose metadata, it is. A line of filter, then text.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/api/room_filter.h"
#include "server/common/errors.h"

namespace atrium {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

v1::Room MakeRoom(const std::string& text) {
  v1::Room room;
  room.set_id(text);
  auto& fields = *room.mutable_metadata()->mutable_fields();
  fields["a"].set_number_value(static_cast<double>(text.size()));
  (*fields["b"].mutable_struct_value()->mutable_fields())["c"].set_bool_value(true);
  fields[text].set_string_value(text);
  return room;
}

void CheckError(const absl::Status& error, size_t size) {
  Require(ErrorField(error) == "filter");
  if (size > 1000) return;
  const std::vector<std::string> parts = absl::StrSplit(std::string(error.message()), " at byte ");
  size_t place = 0;
  Require(parts.size() == 2 && absl::SimpleAtoi(parts[1], &place) && place <= size);
}

std::string Quote(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) absl::StrAppend(&quoted, c == '"' || c == '\\' ? "\\" : "", std::string(1, c));
  return quoted + "\"";
}

void Check(absl::string_view input) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(input, absl::MaxSplits('\n', 1));
  const v1::Room room = MakeRoom(parts.second);
  const absl::StatusOr<RoomFilter> filter = ParseRoomFilter(parts.first);
  if (filter.ok()) {
    const bool matches = filter->matches(room);
    Require(!filter->matches_all || matches);
    const absl::StatusOr<RoomFilter> negated = ParseRoomFilter(absl::StrCat("NOT(", parts.first, ")"));
    // Two parentheses and a word more may be too much.
    if (negated.ok()) Require(negated->matches(room) != matches);
  } else {
    CheckError(filter.status(), parts.first.size());
  }
  const std::string quoted = Quote(parts.second);
  if (quoted.size() > 300) return;  // A filter has at most 1000 bytes.
  Require(ParseRoomFilter(absl::StrCat("id=", quoted, " AND metadata.", quoted, "=", quoted))->matches(room));
}

}  // namespace
}  // namespace atrium

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  atrium::Check({reinterpret_cast<const char*>(data), size});
  return 0;
}
