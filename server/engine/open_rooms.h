#pragma once

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/engine/room_log.h"

namespace atrium {

// The rooms that are open in a log, and which writes each may get next: the rules of RoomLog that no disk is needed
// for.
//
// Writes are taken before they are on disk; if that fails, Fail says so. One thread at a time.
class OpenRooms {
 public:
  // Sequences [first, last): none if they are equal.
  struct Range {
    uint64_t first = 0;
    uint64_t last = 0;
  };

  // Starts to open a room; the number names this opening. FAILED_PRECONDITION if it is open or being opened.
  absl::StatusOr<uint64_t> BeginOpen(absl::string_view room_id);

  // Ends that opening: the room has these records, or could not be read. Does nothing if it was closed meanwhile.
  void FinishOpen(absl::string_view room_id, uint64_t opening, const absl::StatusOr<Range>& records);

  void Close(absl::string_view room_id);

  // The errors of RoomLog::Append that no disk is needed for.
  absl::Status Append(const RoomLog::Record& record);
  // The records that the snapshot makes superfluous.
  absl::StatusOr<Range> Save(const RoomLog::Snapshot& snapshot);
  // All records of the room.
  absl::StatusOr<Range> Erase(absl::string_view room_id);

  // A write of this room came to nothing: it gets no more until it is opened again.
  void Fail(absl::string_view room_id);

 private:
  struct Room {
    uint64_t opening = 0;
    bool open = false;  // what is stored of it is known
    bool failed = false;
    uint64_t first = 1;  // its oldest record
    uint64_t next = 1;   // the one to be appended
  };

  // The room, if it may be written to.
  absl::StatusOr<Room*> Find(absl::string_view room_id);

  absl::flat_hash_map<std::string, Room> rooms_;
  uint64_t last_opening_ = 0;
};

// Its records.
inline OpenRooms::Range RecordsOf(const absl::optional<StoredRoom>& room) {
  return room ? OpenRooms::Range{room->first_sequence, room->last_sequence() + 1} : OpenRooms::Range{1, 1};
}

// INVALID_ARGUMENT if this cannot be the id of a room in a log.
absl::Status CheckStoredRoomId(absl::string_view room_id);

}  // namespace atrium
