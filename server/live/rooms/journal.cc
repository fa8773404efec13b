#include "server/live/rooms/journal.h"

#include <algorithm>
#include <optional>

#include "server/live/rooms/room_errors.h"

namespace atrium {
namespace {

// A snapshot is taken when the records behind the last one take so many bytes, and so many times its own: then writing
// it costs a fraction of what was written anyway, and loading the room takes little longer than loading its state.
constexpr size_t kLeastLogBytes = 64 * 1024;
constexpr size_t kLogPerSnapshot = 4;

}  // namespace

Journal::Journal(std::string room_id, RoomLog& log, Shard& shard, Owner owner, Start start)
    : room_id_(std::move(room_id)),
      log_(log),
      shard_(shard),
      owner_(std::move(owner)),
      sequence_(start.last_sequence),
      stored_(start.last_sequence),
      frames_at_(std::move(start.frames_at)),
      snapshot_bytes_(start.snapshot_bytes),
      log_bytes_(start.log_bytes) {}

RoomRecord& Journal::record() {
  if (!record_) {
    record_.emplace();
    record_offset_ = 0;
    shard_.AtTurnEnd([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->EndTurn();
    });
  }
  return *record_;
}

void Journal::Add(StoredFrame frame, uint64_t offset) {
  *record().add_frames() = std::move(frame);
  record_offset_ = offset;
}

void Journal::HeadChanged() {
  record();
  head_changed_ = true;
}

void Journal::EndTurn() {
  if (!record_) return;
  const RoomRecord record = *std::exchange(record_, std::nullopt);
  if (lost() || erased_) return RunUpTo(sequence_ + 1);
  ++sequence_;
  if (record_offset_ > 0) frames_at_.emplace_back(sequence_, record_offset_);
  RoomLog::Record entry{.room_id = room_id_, .sequence = sequence_, .bytes = record.SerializeAsString()};
  if (std::exchange(head_changed_, false)) entry.head = owner_.head();
  log_bytes_ += entry.bytes.size();
  log_.Append(std::move(entry), OnShard([sequence = sequence_](Journal& self, const absl::Status& status) {
                self.Stored(sequence, status);
              }));
  if (log_bytes_ >= std::max(kLeastLogBytes, kLogPerSnapshot * snapshot_bytes_)) Save();
}

void Journal::Save() {
  EndTurn();
  if (lost() || log_bytes_ == 0) return;
  // The history that is still in memory stays.
  const Image image = owner_.image();
  while (!frames_at_.empty() && frames_at_.front().second <= image.forgotten) frames_at_.pop_front();
  RoomLog::Snapshot snapshot{.room_id = room_id_,
                             .sequence = sequence_,
                             .bytes = image.snapshot.SerializeAsString(),
                             .keep_from = frames_at_.empty() ? sequence_ + 1 : frames_at_.front().first,
                             .head = owner_.head()};
  snapshot_bytes_ = snapshot.bytes.size();
  log_bytes_ = 0;
  log_.Save(std::move(snapshot), OnShard([](Journal& self, const absl::Status& status) {
              if (!status.ok()) self.Fail(status);
            }));
}

void Journal::Erase(Task done) {
  EndTurn();
  if (lost()) return done(failure_);
  erased_ = true;
  log_.Erase(room_id_,
             OnShard([done = std::move(done)](Journal&, const absl::Status& status) mutable { done(status); }));
}

RoomLog::Done Journal::OnShard(absl::AnyInvocable<void(Journal&, const absl::Status&)> then) {
  return [&shard = shard_, weak = weak_from_this(), then = std::move(then)](absl::Status status) mutable {
    shard.Post([weak = std::move(weak), then = std::move(then), status = std::move(status)]() mutable {
      if (const auto self = weak.lock()) then(*self, status);
    });
  };
}

void Journal::WhenStored(Task task) {
  if (all_stored()) return task(failure_);
  waiting_.emplace_back(record_ ? sequence_ + 1 : sequence_, std::move(task));
}

void Journal::WhenAllStored(Task task) {
  owner_.flush();
  WhenStored(std::move(task));
}

void Journal::Stored(uint64_t sequence, const absl::Status& status) {
  if (!status.ok()) return Fail(status);
  stored_ = sequence;
  RunUpTo(sequence);
}

void Journal::Fail(const absl::Status& status) {
  if (lost()) return;
  failure_ = RoomNotStored(status);
  stored_ = sequence_;
  RunUpTo(sequence_);
  owner_.on_failure(status);
}

void Journal::RunUpTo(uint64_t sequence) {
  while (!waiting_.empty() && waiting_.front().first <= sequence) {
    Task task = std::move(waiting_.front().second);
    waiting_.pop_front();
    task(failure_);
  }
}

}  // namespace atrium
