#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "server/engine/room_log.h"
#include "server/live/room_record.pb.h"
#include "server/live/shard.h"

namespace atrium {

// Writes a durable room to the log: all that the room changes in one turn of its shard is one record, so it is kept as
// a whole or not at all. What others are to see of that waits until the record is on disk, in order; the room itself
// goes on at once.
//
// Made by std::make_shared. On the room's shard.
class Journal : public std::enable_shared_from_this<Journal> {
 public:
  struct Owner {
    // Of the room as it is at the end of a turn.
    std::function<RoomSnapshot()> snapshot;
    // What a listing shows of it.
    std::function<std::string()> head;
    // The offset of the last frame that its history has forgotten.
    std::function<uint64_t()> forgotten;
    // The log has refused a record: what the room has in memory is ahead of what is kept. At most once.
    std::function<void(const absl::Status&)> on_failure;
  };

  // What the log has of the room already.
  struct Start {
    uint64_t last_sequence = 0;
    // Of the snapshot, and of the records behind it.
    size_t snapshot_bytes = 0;
    size_t log_bytes = 0;
    // Records that hold frames: sequence and last offset.
    std::deque<std::pair<uint64_t, uint64_t>> frames_at;
  };

  // The log has the room open.
  Journal(std::string room_id, RoomLog& log, Shard& shard, Owner owner, Start start);

  // The record of this turn, to be added to.
  RoomRecord& record();
  // Adds a frame to it.
  void Add(StoredFrame frame, uint64_t offset);
  // What a listing shows has changed.
  void HeadChanged();

  // Runs `task` when everything up to now is on disk, behind what waits already; at once if nothing does. Not OK: it
  // was refused. UNAVAILABLE, RESOURCE_EXHAUSTED (the disk is full) or DATA_LOSS.
  using Task = absl::AnyInvocable<void(const absl::Status&)>;
  void WhenStored(Task task);
  bool all_stored() const { return lost() || (waiting_.empty() && !record_ && stored_ == sequence_); }
  // The log has refused a record: nothing of the room may be shown any more.
  bool lost() const { return !failure_.ok(); }

  // Replaces what is in the log by a snapshot, if there is something to gain.
  void Save();
  // Removes everything of the room from the log; nothing can be added any more.
  void Erase(Task done);

 private:
  void EndTurn();
  void Stored(uint64_t sequence, const absl::Status& status);
  void Fail(const absl::Status& status);
  void RunUpTo(uint64_t sequence);
  // Passes the log's answer on to this journal, on its shard, if it is still there.
  RoomLog::Done OnShard(absl::AnyInvocable<void(Journal&, const absl::Status&)> then);

  const std::string room_id_;
  RoomLog& log_;
  Shard& shard_;
  const Owner owner_;
  absl::optional<RoomRecord> record_;
  uint64_t record_offset_ = 0;  // of its last frame
  bool head_changed_ = false;
  uint64_t sequence_;  // of the last record that the log was given
  uint64_t stored_;    // of the last that is on disk
  absl::Status failure_;
  bool erased_ = false;
  // By the sequence that they wait for.
  std::deque<std::pair<uint64_t, Task>> waiting_;
  std::deque<std::pair<uint64_t, uint64_t>> frames_at_;
  size_t snapshot_bytes_;
  size_t log_bytes_;
};

}  // namespace atrium
