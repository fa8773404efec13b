#pragma once

#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/functional/any_invocable.h"
#include "server/common/errors.h"
#include "server/engine/open_rooms.h"
#include "server/engine/room_log.h"

namespace atrium::testing {

// A log in memory that does what it is asked for when a test says so: at once, by Complete, or with an error. Callbacks
// run inside those calls. What it has stored outlives no object. One thread.
class MemoryLog final : public RoomLog {
 public:
  ~MemoryLog() override { CompleteAll(); }

  // Do each request as it comes.
  bool auto_complete = false;

  void Open(std::string room_id, Opened done) override {
    Ask([this, room_id = std::move(room_id), done = std::move(done)]() mutable { DoOpen(room_id, done); });
  }
  void Close(std::string room_id) override {
    Ask([this, room_id = std::move(room_id)] { rooms_.Close(room_id); });
  }
  void Append(Record record, Done done) override {
    Ask([this, record = std::move(record), done = std::move(done)]() mutable { done(DoAppend(record)); });
  }
  void Save(Snapshot snapshot, Done done) override {
    Ask([this, snapshot = std::move(snapshot), done = std::move(done)]() mutable { done(DoSave(snapshot)); });
  }
  void Erase(std::string room_id, Done done) override {
    Ask([this, room_id = std::move(room_id), done = std::move(done)]() mutable { done(DoErase(room_id)); });
  }
  void List(std::string after, size_t count, Listed done) override {
    Ask([this, after = std::move(after), count, done = std::move(done)]() mutable { done(DoList(after, count)); });
  }
  void Barrier(absl::AnyInvocable<void()> done) override { Ask(std::move(done)); }
  void WatchHealth(Health) override {}
  LogStatistics statistics() const override {
    LogStatistics statistics = statistics_;
    statistics.queued = static_cast<int64_t>(waiting_.size());
    return statistics;
  }

  // Does the oldest request that waits. False if there is none.
  bool Complete() {
    if (waiting_.empty()) return false;
    auto request = std::move(waiting_.front());
    waiting_.pop_front();
    request();
    return true;
  }
  // Does all, those that callbacks ask for included.
  void CompleteAll() {
    while (Complete()) {
    }
  }
  size_t waiting() const { return waiting_.size(); }
  // As after the process was killed: what waits is forgotten, its callbacks never run, and no room is open.
  void Crash() {
    waiting_.clear();
    rooms_ = OpenRooms();
  }

  // The next write that would be right ends so, or every one until it is OK again.
  void FailNext(absl::Status status) { fail_next_ = std::move(status); }
  void FailAll(absl::Status status) { fail_all_ = std::move(status); }
  // Opening this room ends so, until it is OK again.
  void FailOpen(std::string room_id, absl::Status status) { fail_open_[std::move(room_id)] = std::move(status); }

  // What is stored of a room; null if nothing.
  const StoredRoom* stored(const std::string& room_id) const {
    const auto it = stored_.find(room_id);
    return it == stored_.end() ? nullptr : &it->second;
  }
  std::string head(const std::string& room_id) const {
    const auto it = heads_.find(room_id);
    return it == heads_.end() ? std::string() : it->second;
  }
  // Puts a room there, as a server before this one would have left it.
  void Store(std::string room_id, StoredRoom room, std::string head) {
    heads_[room_id] = std::move(head);
    stored_[std::move(room_id)] = std::move(room);
  }

 private:
  void Ask(absl::AnyInvocable<void()> request) {
    waiting_.push_back(std::move(request));
    if (!auto_complete || completing_) return;
    completing_ = true;
    CompleteAll();
    completing_ = false;
  }

  void DoOpen(const std::string& room_id, Opened& done) {
    absl::Status status = CheckStoredRoomId(room_id);
    if (const auto it = fail_open_.find(room_id); status.ok() && it != fail_open_.end()) status = it->second;
    const absl::StatusOr<uint64_t> opening = status.ok() ? rooms_.BeginOpen(room_id) : status;
    if (!opening.ok()) return done(opening.status());
    std::optional<StoredRoom> room;
    if (const auto it = stored_.find(room_id); it != stored_.end()) room = it->second;
    rooms_.FinishOpen(room_id, *opening, RecordsOf(room));
    done(std::move(room));
  }

  absl::Status DoAppend(Record& record) {
    absl::Status status = rooms_.Append(record);
    if (status.ok()) status = Fate();
    if (!status.ok()) {
      rooms_.Fail(record.room_id);
      return status;
    }
    ++statistics_.records;
    SetHead(record.room_id, record.head);
    stored_[record.room_id].records.push_back(std::move(record.bytes));
    return status;
  }

  absl::Status DoSave(Snapshot& snapshot) {
    const absl::StatusOr<OpenRooms::Range> superfluous = rooms_.Save(snapshot);
    if (!superfluous.ok()) return superfluous.status();
    if (absl::Status status = Fate(); !status.ok()) {
      rooms_.Fail(snapshot.room_id);
      return status;
    }
    ++statistics_.snapshots;
    SetHead(snapshot.room_id, snapshot.head);
    StoredRoom& room = stored_[snapshot.room_id];
    room.records.erase(room.records.begin(),
                       room.records.begin() + static_cast<std::ptrdiff_t>(superfluous->last - superfluous->first));
    room.first_sequence = superfluous->last;
    room.snapshot = std::move(snapshot.bytes);
    room.snapshot_sequence = snapshot.sequence;
    return absl::OkStatus();
  }

  absl::Status DoErase(const std::string& room_id) {
    if (const auto records = rooms_.Erase(room_id); !records.ok()) return records.status();
    if (absl::Status status = Fate(); !status.ok()) {
      rooms_.Fail(room_id);
      return status;
    }
    stored_.erase(room_id);
    heads_.erase(room_id);
    return absl::OkStatus();
  }

  std::vector<StoredHead> DoList(const std::string& after, size_t count) const {
    std::vector<StoredHead> heads;
    for (auto it = heads_.upper_bound(after); it != heads_.end() && heads.size() < count; ++it) {
      heads.push_back({it->first, it->second});
    }
    return heads;
  }

  // What comes of the next write.
  absl::Status Fate() {
    absl::Status status = std::exchange(fail_next_, absl::OkStatus());
    if (status.ok()) status = fail_all_;
    ++(status.ok() ? statistics_.commits : statistics_.failures);
    return status;
  }

  void SetHead(const std::string& room_id, std::string& head) {
    if (!head.empty()) heads_[room_id] = std::move(head);
  }

  std::deque<absl::AnyInvocable<void()>> waiting_;
  bool completing_ = false;
  OpenRooms rooms_;
  absl::btree_map<std::string, StoredRoom> stored_;
  absl::btree_map<std::string, std::string> heads_;
  absl::Status fail_next_, fail_all_;
  absl::btree_map<std::string, absl::Status> fail_open_;
  LogStatistics statistics_;
};

}  // namespace atrium::testing
