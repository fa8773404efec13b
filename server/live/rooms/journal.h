#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "server/engine/room_log.h"
#include "server/live/rooms/room_record.pb.h"
#include "server/live/shards/shard.h"

namespace atrium {

// Writes a durable room to the log. All that the room changes in one turn of its shard is one record, so that it is
// kept as a whole or not at all. What others are to see of that waits until the record is on disk, in order; the room
// itself goes on at once.
//
// It is made by std::make_shared and lives on the room's shard.
class Journal : public std::enable_shared_from_this<Journal> {
 public:
  // A room as it is at the end of a turn, and the offset of the last frame that its history has forgotten.
  struct Image {
    RoomSnapshot snapshot;
    uint64_t forgotten = 0;
  };
  struct Owner {
    // Adds to the record what the room has done but not written yet, because it gathers several changes for one frame.
    std::function<void()> flush;
    std::function<Image()> image;
    // Returns what a listing shows of the room.
    std::function<std::string()> head;
    // Is called at most once, when the log has refused a record, so that the room's memory is ahead of what is kept.
    std::function<void(const absl::Status&)> on_failure;
  };

  // What the log has of the room already.
  struct Start {
    uint64_t last_sequence = 0;
    // These are the bytes of the snapshot and of the records behind it.
    size_t snapshot_bytes = 0;
    size_t log_bytes = 0;
    // Each record that holds frames has its sequence and its last offset here.
    std::deque<std::pair<uint64_t, uint64_t>> frames_at;
  };

  // The log must have the room open.
  Journal(std::string room_id, RoomLog& log, Shard& shard, Owner owner, Start start);

  // Returns the record of this turn, to be added to.
  RoomRecord& record();
  // Adds a frame to that record.
  void Add(StoredFrame frame, uint64_t offset);
  // Says that what a listing shows has changed.
  void HeadChanged();

  // Runs `task` when everything up to now is on disk, behind what waits already, or at once if there is nothing to wait
  // for. Its status is not OK if the log refused it: UNAVAILABLE, RESOURCE_EXHAUSTED (the disk is full) or DATA_LOSS.
  using Task = absl::AnyInvocable<void(const absl::Status&)>;
  void WhenStored(Task task);
  // Does the same when everything that the room has done is on disk, what it has not written yet included.
  void WhenAllStored(Task task);
  bool all_stored() const { return lost() || (waiting_.empty() && !record_ && stored_ == sequence_); }
  // Returns whether the log has refused a record, so that nothing of the room may be shown any more.
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
  std::optional<RoomRecord> record_;
  // This is the offset of the record's last frame.
  uint64_t record_offset_ = 0;
  bool head_changed_ = false;
  // These are the sequences of the last record that the log was given, and of the last that is on disk.
  uint64_t sequence_;
  uint64_t stored_;
  absl::Status failure_;
  bool erased_ = false;
  // Tasks stand behind the sequence that they wait for.
  std::deque<std::pair<uint64_t, Task>> waiting_;
  std::deque<std::pair<uint64_t, uint64_t>> frames_at_;
  size_t snapshot_bytes_;
  size_t log_bytes_;
};

}  // namespace atrium
