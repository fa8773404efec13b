#include "server/engine/embedded_log.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "server/common/mutex.h"
#include "server/common/status_macros.h"
#include "server/engine/data_directory.h"
#include "server/engine/log_writer.h"
#include "server/engine/room_store.h"

namespace atrium {
namespace {

size_t BytesOf(const LogRequest& request) {
  if (const auto* append = std::get_if<AppendRequest>(&request)) {
    return append->record.bytes.size() + append->record.head.size();
  }
  if (const auto* save = std::get_if<SaveRequest>(&request)) {
    return save->snapshot.bytes.size() + save->snapshot.head.size();
  }
  return 0;
}

class EmbeddedLog final : public RoomLog {
 public:
  EmbeddedLog(EmbeddedLogOptions options, std::unique_ptr<DataDirectory> directory, std::unique_ptr<RoomStore> store)
      : options_(std::move(options)),
        directory_(std::move(directory)),
        store_(std::move(store)),
        writer_(*store_, *directory_, options_.recovery_interval),
        write_thread_([this] { WriteLoop(); }),
        read_thread_([this] { ReadLoop(); }) {}
  ~EmbeddedLog() override;

  void Open(std::string room_id, Opened done) override { Ask(OpenRequest{std::move(room_id), std::move(done)}); }
  void Close(std::string room_id) override { Ask(CloseRequest{std::move(room_id)}); }
  void Append(Record record, Done done) override { Ask(AppendRequest{std::move(record), std::move(done)}); }
  void Save(Snapshot snapshot, Done done) override { Ask(SaveRequest{std::move(snapshot), std::move(done)}); }
  void Erase(std::string room_id, Done done) override { Ask(EraseRequest{std::move(room_id), std::move(done)}); }
  void List(std::string after, size_t count, Listed done) override;
  void Barrier(absl::AnyInvocable<void()> done) override { Ask(BarrierRequest{std::move(done)}); }
  void WatchHealth(Health told) override;
  LogStatistics statistics() const override;

 private:
  void Ask(LogRequest request);
  void AskReader(absl::AnyInvocable<void()> read);

  void WriteLoop();
  // Returns false if nothing came for the check interval; else there are writes, or the log has ended.
  bool WaitForWrites(MutexLock& lock) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool ended() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ && outstanding_ == 0; }
  // Lets `writer_` take what waits, as far as one commit goes. Returns how many requests it took, and adds their bytes
  // to `bytes`.
  size_t Collect(size_t& bytes);
  void Count(const LogWriter::Outcome& outcome);
  void TellHealth();

  void ReadLoop();
  void ReadRoom(LogWriter::Read& read);

  // Counts off requests that have ended. When the log stops, the last of them lets its threads end.
  void EndRequests(size_t requests, size_t bytes);

  const EmbeddedLogOptions options_;
  const std::unique_ptr<DataDirectory> directory_;
  const std::unique_ptr<RoomStore> store_;
  // Only write_thread_ uses it.
  LogWriter writer_;

  mutable Mutex mutex_;
  CondVar wake_writer_, wake_reader_;
  std::deque<LogRequest> writes_ ABSL_GUARDED_BY(mutex_);
  std::deque<absl::AnyInvocable<void()>> reads_ ABSL_GUARDED_BY(mutex_);
  // Counts the requests that have not ended; a request ends when its callback has returned.
  size_t outstanding_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  LogStatistics statistics_ ABSL_GUARDED_BY(mutex_);
  Health health_told_ ABSL_GUARDED_BY(mutex_);
  bool healthy_ ABSL_GUARDED_BY(mutex_) = true;  // as health_told_ knows it
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread write_thread_, read_thread_;
};

EmbeddedLog::~EmbeddedLog() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_writer_.NotifyAll();
  wake_reader_.NotifyAll();
  write_thread_.join();
  read_thread_.join();
}

void EmbeddedLog::Ask(LogRequest request) {
  const size_t bytes = BytesOf(request);
  const MutexLock lock(mutex_);
  if (auto* append = std::get_if<AppendRequest>(&request);
      append && queued_bytes_ + bytes > options_.max_queued_bytes && queued_bytes_ > 0) {
    append->refused = true;
    append->record.bytes = append->record.head = std::string();
  }
  queued_bytes_ += BytesOf(request);
  ++outstanding_;
  writes_.push_back(std::move(request));
  wake_writer_.NotifyOne();
}

void EmbeddedLog::AskReader(absl::AnyInvocable<void()> read) {
  const MutexLock lock(mutex_);
  ++outstanding_;
  reads_.push_back(std::move(read));
  wake_reader_.NotifyOne();
}

void EmbeddedLog::EndRequests(size_t requests, size_t bytes) {
  const MutexLock lock(mutex_);
  queued_bytes_ -= bytes;
  outstanding_ -= requests;
  if (outstanding_ > 0 || !stopping_) return;
  wake_writer_.NotifyAll();
  wake_reader_.NotifyAll();
}

void EmbeddedLog::List(std::string after, size_t count, Listed done) {
  AskReader(
      [this, after = std::move(after), count, done = std::move(done)]() mutable { done(store_->List(after, count)); });
}

void EmbeddedLog::WatchHealth(Health told) {
  const MutexLock lock(mutex_);
  health_told_ = std::move(told);
}

void EmbeddedLog::TellHealth() {
  Health told;
  {
    const MutexLock lock(mutex_);
    if (writer_.failure().ok() == healthy_ || health_told_ == nullptr) return;
    healthy_ = !healthy_;
    told = health_told_;
  }
  told(writer_.failure());
}

LogStatistics EmbeddedLog::statistics() const {
  const MutexLock lock(mutex_);
  LogStatistics statistics = statistics_;
  statistics.queued = static_cast<int64_t>(outstanding_);
  statistics.queued_bytes = static_cast<int64_t>(queued_bytes_);
  return statistics;
}

bool EmbeddedLog::WaitForWrites(MutexLock& lock) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(options_.check_interval);
  bool in_time = true;
  while (writes_.empty() && !ended() && in_time) in_time = wake_writer_.WaitUntil(lock, deadline);
  return !writes_.empty() || ended();
}

void EmbeddedLog::WriteLoop() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      if (!WaitForWrites(lock)) {
        lock.Unlock();
        writer_.Check();
        TellHealth();
        continue;
      }
      if (writes_.empty()) return;
    }
    size_t bytes = 0;
    const size_t requests = Collect(bytes);
    const LogWriter::Outcome outcome = writer_.Write();
    Count(outcome);
    TellHealth();
    for (LogWriter::Read& read : writer_.Answer(outcome.status)) {
      AskReader([this, read = std::move(read)]() mutable { ReadRoom(read); });
    }
    EndRequests(requests, bytes);
  }
}

size_t EmbeddedLog::Collect(size_t& bytes) {
  size_t requests = 0;
  MutexLock lock(mutex_);
  while (!writes_.empty() && requests < options_.max_commit_records) {
    const size_t size = BytesOf(writes_.front());
    if (requests > 0 && writer_.bytes() + size > options_.max_commit_bytes) break;
    LogRequest request = std::move(writes_.front());
    writes_.pop_front();
    lock.Unlock();
    const bool taken = writer_.Take(request);
    lock.Lock();
    if (!taken) {
      writes_.push_front(std::move(request));
      break;
    }
    ++requests;
    bytes += size;
  }
  return requests;
}

void EmbeddedLog::Count(const LogWriter::Outcome& outcome) {
  if (!outcome.wrote) return;
  const MutexLock lock(mutex_);
  if (!outcome.status.ok()) {
    ++statistics_.failures;
    return;
  }
  ++statistics_.commits;
  statistics_.records += outcome.records;
  statistics_.snapshots += outcome.snapshots;
  statistics_.bytes += outcome.bytes;
  statistics_.commit_seconds += outcome.seconds;
  const auto& bounds = LogStatistics::kCommitBounds;
  ++statistics_.commit_counts[std::lower_bound(bounds.begin(), bounds.end(), outcome.seconds) - bounds.begin()];
}

void EmbeddedLog::ReadLoop() {
  for (;;) {
    absl::AnyInvocable<void()> read;
    {
      MutexLock lock(mutex_);
      while (reads_.empty() && !ended()) wake_reader_.Wait(lock);
      if (reads_.empty()) return;
      read = std::move(reads_.front());
      reads_.pop_front();
    }
    read();
    read = nullptr;
    EndRequests(1, 0);
  }
}

void EmbeddedLog::ReadRoom(LogWriter::Read& read) {
  absl::StatusOr<std::optional<StoredRoom>> stored = store_->Read(read.room_id);
  // The writer hears of it before `done` can ask it for anything.
  Ask(OpenedRequest{read.room_id, read.opening,
                    stored.ok() ? absl::StatusOr<OpenRooms::Range>(RecordsOf(*stored)) : stored.status()});
  read.done(std::move(stored));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RoomLog>> OpenEmbeddedLog(EmbeddedLogOptions options) {
  ASSIGN_OR_RETURN(std::unique_ptr<DataDirectory> directory, DataDirectory::Take(options.directory));
  ASSIGN_OR_RETURN(std::unique_ptr<RoomStore> store,
                   RoomStore::Open(directory->path(), directory->rooms(), options.env));
  return std::make_unique<EmbeddedLog>(std::move(options), std::move(directory), std::move(store));
}

}  // namespace atrium
