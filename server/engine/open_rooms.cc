#include "server/engine/open_rooms.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"
#include "server/engine/log_errors.h"

namespace atrium {

absl::StatusOr<uint64_t> OpenRooms::BeginOpen(absl::string_view room_id) {
  const auto [it, fresh] = rooms_.try_emplace(room_id);
  if (!fresh) return RoomAlreadyOpen(room_id);
  return it->second.opening = ++last_opening_;
}

void OpenRooms::FinishOpen(absl::string_view room_id, uint64_t opening, const absl::StatusOr<Range>& records) {
  const auto it = rooms_.find(room_id);
  if (it == rooms_.end() || it->second.opening != opening) return;
  if (!records.ok()) {
    rooms_.erase(it);
    return;
  }
  it->second.open = true;
  it->second.first = records->first;
  it->second.next = records->last;
}

void OpenRooms::Close(absl::string_view room_id) { rooms_.erase(room_id); }

absl::StatusOr<OpenRooms::Room*> OpenRooms::Find(absl::string_view room_id) {
  const auto it = rooms_.find(room_id);
  if (it == rooms_.end() || !it->second.open) return RoomNotOpen(room_id);
  if (it->second.failed) return RoomHasFailed(room_id);
  return &it->second;
}

absl::Status OpenRooms::Append(const RoomLog::Record& record) {
  ASSIGN_OR_RETURN(Room* const room, Find(record.room_id));
  if (record.sequence != room->next) return WrongSequence(record.room_id, record.sequence, room->next);
  ++room->next;
  return absl::OkStatus();
}

absl::StatusOr<OpenRooms::Range> OpenRooms::Save(const RoomLog::Snapshot& snapshot) {
  ASSIGN_OR_RETURN(Room* const room, Find(snapshot.room_id));
  if (snapshot.sequence >= room->next) return InvalidField("sequence", "must be that of a record that was appended");
  if (snapshot.sequence + 1 < room->first) return InvalidField("sequence", "must not be before the oldest record");
  if (snapshot.keep_from > snapshot.sequence + 1) {
    return InvalidField("keep_from", "must be at most one above the sequence of the snapshot");
  }
  const Range superfluous{room->first, std::max(room->first, snapshot.keep_from)};
  room->first = superfluous.last;
  return superfluous;
}

absl::StatusOr<OpenRooms::Range> OpenRooms::Erase(absl::string_view room_id) {
  ASSIGN_OR_RETURN(Room* const room, Find(room_id));
  const Range all{room->first, room->next};
  room->first = room->next = 1;
  return all;
}

void OpenRooms::Fail(absl::string_view room_id) {
  if (const auto it = rooms_.find(room_id); it != rooms_.end()) it->second.failed = true;
}

absl::Status CheckStoredRoomId(absl::string_view room_id) {
  const auto allowed = [](char c) { return absl::ascii_isalnum(c) || c == '_' || c == ':' || c == '.' || c == '-'; };
  if (!room_id.empty() && room_id.size() <= 64 && std::all_of(room_id.begin(), room_id.end(), allowed)) {
    return absl::OkStatus();
  }
  return InvalidField("room_id", "must be 1 to 64 letters, digits, hyphens, underscores, dots or colons");
}

}  // namespace atrium
