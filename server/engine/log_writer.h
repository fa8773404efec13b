#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/engine/data_directory.h"
#include "server/engine/open_rooms.h"
#include "server/engine/room_log.h"
#include "server/engine/room_store.h"

namespace atrium {

// The requests to the writer of an embedded log, which it takes in order.
struct OpenRequest {
  std::string room_id;
  RoomLog::Opened done;
};
// Tells the writer what was found of a room that is being opened.
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
  // There was no place for the record's bytes, and they are not here.
  bool refused = false;
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
    std::variant<OpenRequest, OpenedRequest, CloseRequest, AppendRequest, SaveRequest, EraseRequest, BarrierRequest>;

// The writing half of an embedded log. It puts requests together into one commit, writes that and answers them; it
// knows which rooms have failed, and makes the store writable again. It is used by one thread.
class LogWriter {
 public:
  // A room that is to be read.
  struct Read {
    std::string room_id;
    uint64_t opening = 0;
    RoomLog::Opened done;
  };
  // The result of a commit.
  struct Outcome {
    // Whether there was something to write.
    bool wrote = false;
    absl::Status status;
    double seconds = 0;
    int64_t records = 0, snapshots = 0, bytes = 0;
  };

  // After a recovery of `store` failed, the next is tried `recovery_interval` later.
  LogWriter(RoomStore& store, const DataDirectory& directory, absl::Duration recovery_interval);

  // Takes `request` into the commit. Returns false, and leaves the request untouched, if the commit has to be written
  // first.
  bool Take(LogRequest& request);
  size_t bytes() const { return batch_.bytes(); }

  Outcome Write();
  // Looks whether it could write, and after a failure tries to make the store writable again, `recovery_interval` after
  // the last try at the earliest. It is for times when nobody writes.
  void Check();
  // Returns why nothing can be written, which is what the last commit or Check came to; OK if it can.
  const absl::Status& failure() const { return failure_; }

  // Answers, in order, what the written commit is made of, and leaves the rooms that are to be read now.
  std::vector<Read> Answer(const absl::Status& written);

 private:
  struct Pending {
    RoomLog::Done done;
    // The request is refused with this; if it is OK, the request fares as the commit does.
    absl::Status refusal;
  };

  bool Take(OpenRequest& request);
  bool Take(OpenedRequest& request);
  bool Take(CloseRequest& request);
  bool Take(AppendRequest& request);
  bool Take(SaveRequest& request);
  bool Take(EraseRequest& request);
  bool Take(BarrierRequest& request);

  absl::Status CheckPlace() const;
  absl::Status Commit();
  absl::Status WriteOrRecover();
  absl::Status Recover();

  RoomStore& store_;
  const DataDirectory& directory_;
  const absl::Duration recovery_interval_;
  OpenRooms rooms_;

  // The commit that is being put together.
  RoomStore::Batch batch_;
  std::vector<Pending> pending_;
  // The rooms that batch_ writes.
  absl::flat_hash_set<std::string> written_;
  std::vector<Read> reads_;
  int64_t records_ = 0, snapshots_ = 0;

  // This is OK again when the store has recovered.
  absl::Status failure_;
  // The rooms of commits that have failed since then: the disk may have more of them than the store knows.
  absl::flat_hash_set<std::string> unsettled_;
  std::chrono::steady_clock::time_point next_recovery_;
};

}  // namespace atrium
