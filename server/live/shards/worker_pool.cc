#include "server/live/shards/worker_pool.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "server/common/errors.h"

namespace atrium {

absl::Status WorkersBusy() {
  return MakeError(absl::StatusCode::kResourceExhausted, "SERVER_BUSY", "The server is busy, try again");
}

absl::Status WorkTooLate() {
  return MakeError(absl::StatusCode::kDeadlineExceeded, "SERVER_BUSY", "The server was busy for too long");
}

WorkerPool::WorkerPool(int threads, size_t max_queued) : queue_(max_queued) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Loop(); });
}

void WorkerPool::Submit(Work work) {
  // A year is for ever, and within what this clock can say.
  const auto within = absl::ToChronoNanoseconds(std::min(work.within, absl::Hours(24 * 365)));
  const Share share = work.share;
  Queued queued{.work = std::move(work), .latest = Clock::now() + within};
  MutexLock lock(mutex_);
  if (stopping_) {
    lock.Unlock();
    return queued.work.run(MakeError(absl::StatusCode::kUnavailable, "SHUTTING_DOWN", "The server is shutting down"));
  }
  std::optional<Queued> surplus = queue_.Push(share, std::move(queued));
  wake_.NotifyOne();
  if (!surplus) return;
  ++counts_.refused;
  lock.Unlock();
  surplus->work.run(WorkersBusy());
}

void WorkerPool::Shutdown() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  for (std::thread& thread : std::exchange(threads_, {})) thread.join();
}

WorkerPool::Counts WorkerPool::counts() const {
  const MutexLock lock(mutex_);
  Counts counts = counts_;
  counts.queued = static_cast<int64_t>(queue_.size());
  return counts;
}

void WorkerPool::Loop() {
  MutexLock lock(mutex_);
  for (;;) {
    while (!stopping_ && queue_.empty()) wake_.Wait(lock);
    std::optional<Queued> next = queue_.Pop();
    if (!next) return;
    lock.Unlock();
    const bool late = Clock::now() >= next->latest;
    next->work.run(late ? WorkTooLate() : absl::OkStatus());
    next.reset();
    lock.Lock();
    ++(late ? counts_.late : counts_.done);
  }
}

}  // namespace atrium
