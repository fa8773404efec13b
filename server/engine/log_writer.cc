#include "server/engine/log_writer.h"

#include <utility>
#include <variant>

#include "server/common/status_macros.h"
#include "server/engine/log_errors.h"

namespace atrium {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

LogWriter::LogWriter(RoomStore& store, const DataDirectory& directory, absl::Duration recovery_interval)
    : store_(store), directory_(directory), recovery_interval_(recovery_interval) {}

bool LogWriter::Take(LogRequest& request) {
  return std::visit([this](auto& one) { return Take(one); }, request);
}

bool LogWriter::Take(OpenRequest& request) {
  // If this commit fails, the room that is opened here must not be the one that failed.
  if (written_.contains(request.room_id)) return false;
  absl::Status refusal = CheckStoredRoomId(request.room_id);
  if (refusal.ok() && unsettled_.contains(request.room_id)) refusal = Recover();
  absl::StatusOr<uint64_t> opening = refusal.ok() ? rooms_.BeginOpen(request.room_id) : refusal;
  if (opening.ok()) {
    reads_.push_back({std::move(request.room_id), *opening, std::move(request.done)});
  } else {
    pending_.push_back({[done = std::move(request.done)](const absl::Status& status) mutable { done(status); },
                        std::move(opening).status()});
  }
  return true;
}

bool LogWriter::Take(OpenedRequest& request) {
  rooms_.FinishOpen(request.room_id, request.opening, request.records);
  return true;
}

bool LogWriter::Take(CloseRequest& request) {
  rooms_.Close(request.room_id);
  return true;
}

bool LogWriter::Take(AppendRequest& request) {
  absl::Status taken = request.refused ? LogQueueFull() : rooms_.Append(request.record);
  if (taken.ok()) {
    written_.insert(request.record.room_id);
    batch_.Append(std::move(request.record));
    ++records_;
  } else {
    rooms_.Fail(request.record.room_id);
  }
  pending_.push_back({std::move(request.done), std::move(taken)});
  return true;
}

bool LogWriter::Take(SaveRequest& request) {
  absl::StatusOr<OpenRooms::Range> superfluous = rooms_.Save(request.snapshot);
  if (superfluous.ok()) {
    written_.insert(request.snapshot.room_id);
    batch_.Save(std::move(request.snapshot), *superfluous);
    ++snapshots_;
  }
  pending_.push_back({std::move(request.done), std::move(superfluous).status()});
  return true;
}

bool LogWriter::Take(EraseRequest& request) {
  absl::StatusOr<OpenRooms::Range> records = rooms_.Erase(request.room_id);
  if (records.ok()) {
    batch_.Erase(request.room_id, *records);
    written_.insert(std::move(request.room_id));
  }
  pending_.push_back({std::move(request.done), std::move(records).status()});
  return true;
}

bool LogWriter::Take(BarrierRequest& request) {
  pending_.push_back({[done = std::move(request.done)](const absl::Status&) mutable { done(); }, absl::OkStatus()});
  return true;
}

LogWriter::Outcome LogWriter::Write() {
  Outcome outcome;
  outcome.wrote = !batch_.empty();
  if (!outcome.wrote) return outcome;
  const Clock::time_point start = Clock::now();
  outcome.status = WriteOrRecover();
  outcome.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  if (outcome.status.ok()) {
    outcome.records = records_;
    outcome.snapshots = snapshots_;
    outcome.bytes = static_cast<int64_t>(batch_.bytes());
  } else {
    for (const std::string& room_id : written_) {
      rooms_.Fail(room_id);
      unsettled_.insert(room_id);
    }
  }
  return outcome;
}

absl::Status LogWriter::CheckPlace() const {
  RETURN_IF_ERROR(directory_.Check());
  return store_.CheckFiles();
}

// What was written to files that have been removed is on no disk. Looking costs some microseconds.
absl::Status LogWriter::Commit() {
  RETURN_IF_ERROR(store_.Commit(batch_));
  return CheckPlace();
}

void LogWriter::Check() {
  if (failure_.ok()) {
    failure_ = CheckPlace();
  } else {
    Recover().IgnoreError();
  }
}

absl::Status LogWriter::WriteOrRecover() {
  if (failure_.ok()) {
    failure_ = Commit();
    if (failure_.ok()) return absl::OkStatus();
  }
  // Writing the same once more does no harm, whatever became of it the first time.
  RETURN_IF_ERROR(Recover());
  return failure_ = Commit();
}

absl::Status LogWriter::Recover() {
  if (Clock::now() < next_recovery_) return failure_;
  absl::Status recovered = CheckPlace();
  if (recovered.ok()) recovered = store_.Recover();
  if (!recovered.ok()) {
    next_recovery_ = Clock::now() + absl::ToChronoNanoseconds(recovery_interval_);
    return failure_ = std::move(recovered);
  }
  unsettled_.clear();
  failure_ = absl::OkStatus();
  return absl::OkStatus();
}

std::vector<LogWriter::Read> LogWriter::Answer(const absl::Status& written) {
  batch_ = RoomStore::Batch();
  written_.clear();
  records_ = snapshots_ = 0;
  for (Pending& pending : std::exchange(pending_, {})) {
    pending.done(pending.refusal.ok() ? written : pending.refusal);
  }
  return std::exchange(reads_, {});
}

}  // namespace atrium
