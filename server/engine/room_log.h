#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"

namespace atrium {

// What the log has of a room.
struct StoredRoom {
  std::string snapshot;              // as of snapshot_sequence; empty if none was taken
  uint64_t snapshot_sequence = 0;    // 0 if none was taken
  uint64_t first_sequence = 1;       // of records.front(); if there is none, of the next to be appended
  std::vector<std::string> records;  // in order, no gap; those up to snapshot_sequence are the room's history

  uint64_t last_sequence() const { return first_sequence + records.size() - 1; }
};

// What a listing needs of a room that is not loaded.
struct StoredHead {
  std::string room_id;
  std::string head;
};

// What a log has done since it was opened, and what waits.
struct LogStatistics {
  // Upper bounds of the buckets of commit_counts, in seconds; the last bucket has none.
  static constexpr std::array<double, 14> kCommitBounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                           0.025,  0.05,    0.1,    0.25,  0.5,    1,     2.5};

  int64_t records = 0;  // appended and on disk
  int64_t bytes = 0;    // of keys and values that went with them
  int64_t snapshots = 0;
  int64_t commits = 0;   // batches that were synced
  int64_t failures = 0;  // batches that were not
  double commit_seconds = 0;
  std::array<int64_t, kCommitBounds.size() + 1> commit_counts{};  // by duration, not cumulative
  int64_t queued = 0;                                             // requests that wait or run
  int64_t queued_bytes = 0;                                       // of the records and snapshots among them
};

// The durable log of all rooms of one server: per room an unbroken run of records from sequence 1 on, of which the
// older ones are replaced by a snapshot. It knows ids and bytes only.
//
// Each request's callback runs once, on a thread of the log; no lock is held, so it may make further requests, but must
// not end the log or block. Writes (Append, Save, Erase, Barrier) are done, and their callbacks run, in the order in
// which they were asked for.
//
// A room that had a failed Append, or any write of it in a commit that failed, has failed: all further writes of it get
// FAILED_PRECONDITION, until it is closed and opened again. So nothing is ever stored behind what was refused.
//
// A write that ended OK is on disk: it survives the process, and the power. One that ended otherwise is not there when
// the room is opened next, or it is there whole (the disk may have it although it said that it failed), and then
// everything of that room asked for before it is there too; it never comes up later than at that opening.
//
// Thread safety: any thread.
class RoomLog {
 public:
  using Done = absl::AnyInvocable<void(absl::Status)>;
  using Opened = absl::AnyInvocable<void(absl::StatusOr<absl::optional<StoredRoom>>)>;
  using Listed = absl::AnyInvocable<void(absl::StatusOr<std::vector<StoredHead>>)>;

  struct Record {
    std::string room_id;
    uint64_t sequence = 0;
    std::string bytes;
    std::string head;  // replaces the room's, if not empty
  };

  struct Snapshot {
    std::string room_id;
    uint64_t sequence = 0;  // of the last record that it covers; 0 if none
    std::string bytes;
    uint64_t keep_from = 0;  // records before it go; at most sequence + 1
    std::string head;        // replaces the room's, if not empty
  };

  // Ends the log's threads when all that was asked for is done. Not on one of them.
  virtual ~RoomLog() = default;

  // Opens a room for writing and reads it: all of it that was asked for before. nullopt if nothing is stored.
  // INVALID_ARGUMENT if `room_id` is none ([A-Za-z0-9_:.-], 1 to 64 of them); FAILED_PRECONDITION if the room is open;
  // DATA_LOSS if what is stored is damaged, for this room only; UNAVAILABLE or RESOURCE_EXHAUSTED (the disk is full) if
  // it cannot be read now, or if a failed commit of this room is not settled yet: try again. The room is not open then.
  virtual void Open(std::string room_id, Opened done) = 0;

  // The room is not written to any more until it is opened again. What was asked for before is still done.
  virtual void Close(std::string room_id) = 0;

  // Appends a record, `sequence` one above the room's last (1 for the first). OK: on disk. FAILED_PRECONDITION if the
  // room is not open or has failed or `sequence` is another; RESOURCE_EXHAUSTED if the disk is full or too much waits;
  // UNAVAILABLE if the disk fails otherwise; DATA_LOSS if what is stored is damaged, so that nothing can be written.
  virtual void Append(Record record, Done done) = 0;

  // Replaces the room's snapshot, and drops old records, at once or not at all. `sequence` is that of a record
  // that is stored or was covered by the last snapshot: else INVALID_ARGUMENT, which leaves the room as it is. Other
  // errors are those of Append.
  virtual void Save(Snapshot snapshot, Done done) = 0;

  // Removes all of a room, head included; it stays open, and empty. Errors are those of Append.
  virtual void Erase(std::string room_id, Done done) = 0;

  // At most `count` heads in the order of room ids, from the first id after `after` on. Has at least what was
  // acknowledged before. Errors are those of Open.
  virtual void List(std::string after, size_t count, Listed done) = 0;

  // Runs `done` when all writes asked for before have ended, well or not.
  virtual void Barrier(absl::AnyInvocable<void()> done) = 0;

  virtual LogStatistics statistics() const = 0;
};

}  // namespace atrium
