#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/variant.h"
#include "server/engine/open_rooms.h"
#include "server/engine/room_log.h"
#include "server/engine/room_store.h"

namespace atrium {

// What the writer of an embedded log is asked for, in order.
struct OpenRequest {
  std::string room_id;
  RoomLog::Opened done;
};
// What was found of a room that is being opened.
struct OpenedRequest {
  std::string room_id;
  uint64_t opening = 0;
  absl::StatusOr<OpenRooms::Range> records;
};
struct CloseRequest {
  std::string room_id;
};
struct AppendRequest {
  RoomLog::Record record;
  RoomLog::Done done;
  bool refused = false;  // there was no place for its bytes, and they are not here
};
struct SaveRequest {
  RoomLog::Snapshot snapshot;
  RoomLog::Done done;
};
struct EraseRequest {
  std::string room_id;
  RoomLog::Done done;
};
struct BarrierRequest {
  absl::AnyInvocable<void()> done;
};
using LogRequest =
    absl::variant<OpenRequest, OpenedRequest, CloseRequest, AppendRequest, SaveRequest, EraseRequest, BarrierRequest>;

// The writing half of an embedded log: puts requests together into one commit, writes it and answers them; knows which
// rooms have failed, and makes the store writable again. One thread.
class LogWriter {
 public:
  // A room to be read.
  struct Read {
    std::string room_id;
    uint64_t opening = 0;
    RoomLog::Opened done;
  };
  // What a commit came to.
  struct Outcome {
    bool wrote = false;  // there was something to write
    absl::Status status;
    double seconds = 0;
    int64_t records = 0, snapshots = 0, bytes = 0;
  };

  // After a recovery of `store` failed, the next is tried `recovery_interval` later.
  LogWriter(RoomStore& store, absl::Duration recovery_interval);

  // Takes `request` into the commit. False, and the request untouched, if that has to be written before.
  bool Take(LogRequest& request);
  size_t bytes() const { return batch_.bytes(); }

  // Writes what was taken.
  Outcome Write();
  // Answers, in order, what the written commit is made of, and leaves the rooms that are to be read now.
  std::vector<Read> Answer(const absl::Status& written);

 private:
  struct Pending {
    RoomLog::Done done;
    absl::Status refusal;  // of this request; OK: it fares as the commit does
  };

  bool Take(OpenRequest& request);
  bool Take(OpenedRequest& request);
  bool Take(CloseRequest& request);
  bool Take(AppendRequest& request);
  bool Take(SaveRequest& request);
  bool Take(EraseRequest& request);
  bool Take(BarrierRequest& request);

  absl::Status WriteOrRecover();
  absl::Status Recover();

  RoomStore& store_;
  const absl::Duration recovery_interval_;
  OpenRooms rooms_;

  // The commit.
  RoomStore::Batch batch_;
  std::vector<Pending> pending_;
  absl::flat_hash_set<std::string> written_;  // rooms in batch_
  std::vector<Read> reads_;
  int64_t records_ = 0, snapshots_ = 0;

  // Of the last commit that failed; OK again when the store has recovered.
  absl::Status failure_;
  // Rooms of commits that failed since then: the disk may have more of them than the store knows.
  absl::flat_hash_set<std::string> unsettled_;
  std::chrono::steady_clock::time_point next_recovery_;
};

}  // namespace atrium
