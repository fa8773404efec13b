#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace atrium {

// All that the log has of a room.
struct StoredRoom {
  // The snapshot shows the room as of snapshot_sequence; if none was taken, it is empty and the sequence 0.
  std::string snapshot;
  uint64_t snapshot_sequence = 0;
  // This is the sequence of records.front() or, if there is none, of the next record to be appended.
  uint64_t first_sequence = 1;
  // The records are in order and have no gap; those up to snapshot_sequence are the room's history.
  std::vector<std::string> records;

  uint64_t last_sequence() const { return first_sequence + records.size() - 1; }
};

// What a listing shows of a room that is not loaded; the log knows the head as bytes only.
struct StoredHead {
  std::string room_id;
  std::string head;
};

// What a log has done since it was opened, and what waits.
struct LogStatistics {
  // These are the upper bounds of the buckets of commit_counts, in seconds; the last bucket has none.
  static constexpr std::array<double, 14> kCommitBounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                           0.025,  0.05,    0.1,    0.25,  0.5,    1,     2.5};

  // These count records that are on disk, and the bytes of keys and values that went with them.
  int64_t records = 0;
  int64_t bytes = 0;
  int64_t snapshots = 0;
  // These count batches that were synced, and batches that could not be.
  int64_t commits = 0;
  int64_t failures = 0;
  double commit_seconds = 0;
  // Commits are counted by duration; the buckets are not cumulative.
  std::array<int64_t, kCommitBounds.size() + 1> commit_counts{};
  // These count requests that wait or run, and the bytes of the records and snapshots among them.
  int64_t queued = 0;
  int64_t queued_bytes = 0;
};

// The durable log of all rooms of one server. It has for each room an unbroken run of records from sequence 1 on, of
// which the older ones are replaced by a snapshot. It knows ids and bytes only.
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
// Thread safety: any thread may call any method.
class RoomLog {
 public:
  using Done = absl::AnyInvocable<void(absl::Status)>;
  using Opened = absl::AnyInvocable<void(absl::StatusOr<std::optional<StoredRoom>>)>;
  using Listed = absl::AnyInvocable<void(absl::StatusOr<std::vector<StoredHead>>)>;

  struct Record {
    std::string room_id;
    uint64_t sequence = 0;
    std::string bytes;
    // If not empty, this replaces the room's head.
    std::string head;
  };

  struct Snapshot {
    std::string room_id;
    // This is the sequence of the last record that the snapshot covers; 0 if it covers none.
    uint64_t sequence = 0;
    std::string bytes;
    // Records before this one are dropped; it is at most sequence + 1.
    uint64_t keep_from = 0;
    // If not empty, this replaces the room's head.
    std::string head;
  };

  // Ends the log's threads when all that was asked for is done. It must not be called on one of them.
  virtual ~RoomLog() = default;

  // Opens a room for writing and reads it, with all that was asked for before. Gives nullopt if nothing is stored.
  // INVALID_ARGUMENT if `room_id` is none ([A-Za-z0-9_:.-], 1 to 64 of them); FAILED_PRECONDITION if the room is open;
  // DATA_LOSS if what is stored is damaged, for this room only; UNAVAILABLE or RESOURCE_EXHAUSTED (the disk is full) if
  // it cannot be read now, or if a failed commit of this room is not settled yet: try again. The room is not open then.
  virtual void Open(std::string room_id, Opened done) = 0;

  // The room is not written to any more until it is opened again. What was asked for before is still done.
  virtual void Close(std::string room_id) = 0;

  // Appends a record, whose `sequence` is one above the room's last (1 for the first). OK if it is on disk;
  // FAILED_PRECONDITION if the room is not open or has failed or `sequence` is another; RESOURCE_EXHAUSTED if the disk
  // is full or too much waits; UNAVAILABLE if the disk fails otherwise; DATA_LOSS if what is stored is damaged, so that
  // nothing can be written.
  virtual void Append(Record record, Done done) = 0;

  // Replaces the room's snapshot and drops old records, both or neither. `sequence` is that of a record that is stored
  // or was covered by the last snapshot; else it fails with INVALID_ARGUMENT, which leaves the room as it is. Other
  // errors are those of Append.
  virtual void Save(Snapshot snapshot, Done done) = 0;

  // Removes all of a room, its head included; the room stays open, and is empty. Errors are those of Append.
  virtual void Erase(std::string room_id, Done done) = 0;

  // Gives at most `count` heads in the order of room ids, from the first id after `after` on, and at least what was
  // acknowledged before. Errors are those of Open.
  virtual void List(std::string after, size_t count, Listed done) = 0;

  // Runs `done` when all writes asked for before have ended, well or not.
  virtual void Barrier(absl::AnyInvocable<void()> done) = 0;

  // Calls `told`, on a thread of the log, when the log cannot be written to any more, with the error that an Append
  // would get, and when it can be again, with OK, also while nobody writes. This is called once.
  using Health = std::function<void(const absl::Status&)>;
  virtual void WatchHealth(Health told) = 0;

  virtual LogStatistics statistics() const = 0;
};

}  // namespace atrium
