#include "server/live/worker_pool.h"

#include <utility>

#include "server/common/errors.h"

namespace atrium {

WorkerPool::WorkerPool(int threads, size_t max_queued) : max_queued_(max_queued) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Loop(); });
}

absl::Status WorkerPool::Submit(Work work) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return MakeError(absl::StatusCode::kUnavailable, "SHUTTING_DOWN", "The server is shutting down");
  if (queue_.size() >= max_queued_) {
    ++counts_.refused;
    return MakeError(absl::StatusCode::kResourceExhausted, "SERVER_BUSY", "The server is busy, try again");
  }
  queue_.push_back(std::move(work));
  wake_.notify_one();
  return absl::OkStatus();
}

void WorkerPool::Shutdown() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : std::exchange(threads_, {})) thread.join();
}

WorkerPool::Counts WorkerPool::counts() const {
  const std::lock_guard lock(mutex_);
  Counts counts = counts_;
  counts.queued = static_cast<int64_t>(queue_.size());
  return counts;
}

void WorkerPool::Loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    {
      Work work = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      work();
    }
    lock.lock();
    ++counts_.done;
  }
}

}  // namespace atrium
