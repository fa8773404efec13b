#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/engine/room_log.h"

namespace atrium {

// The rooms that are open in a log, and which writes each may get next. These are the rules of RoomLog that need no
// disk.
//
// Writes are taken before they are on disk; if that fails, Fail is called. One thread at a time may use it.
class OpenRooms {
 public:
  // The sequences [first, last); there are none if the two are equal.
  struct Range {
    uint64_t first = 0;
    uint64_t last = 0;
  };

  // Starts to open a room. The number that is returned names this opening. FAILED_PRECONDITION if the room is open or
  // being opened.
  absl::StatusOr<uint64_t> BeginOpen(absl::string_view room_id);

  // Ends that opening: the room has these records, or could not be read. Does nothing if the room was closed meanwhile.
  void FinishOpen(absl::string_view room_id, uint64_t opening, const absl::StatusOr<Range>& records);

  void Close(absl::string_view room_id);

  // Fails with those errors of RoomLog::Append that need no disk.
  absl::Status Append(const RoomLog::Record& record);
  // Returns the records that the snapshot makes superfluous.
  absl::StatusOr<Range> Save(const RoomLog::Snapshot& snapshot);
  // Returns all records of the room.
  absl::StatusOr<Range> Erase(absl::string_view room_id);

  // A write of this room came to nothing, so the room gets no more of them until it is opened again.
  void Fail(absl::string_view room_id);

 private:
  struct Room {
    uint64_t opening = 0;
    // Whether it is known what is stored of the room.
    bool open = false;
    bool failed = false;
    // These are the sequences of the oldest record and of the one to be appended next.
    uint64_t first = 1;
    uint64_t next = 1;
  };

  // Returns the room, if it may be written to.
  absl::StatusOr<Room*> Find(absl::string_view room_id);

  absl::flat_hash_map<std::string, Room> rooms_;
  uint64_t last_opening_ = 0;
};

// Returns the records that a room has.
inline OpenRooms::Range RecordsOf(const std::optional<StoredRoom>& room) {
  return room ? OpenRooms::Range{room->first_sequence, room->last_sequence() + 1} : OpenRooms::Range{1, 1};
}

// Returns INVALID_ARGUMENT if this cannot be the id of a room in a log.
absl::Status CheckStoredRoomId(absl::string_view room_id);

}  // namespace atrium
