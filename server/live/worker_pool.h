#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"

namespace atrium {

// Where work goes that would hold up a shard, such as hashing a password. An interface, so that tests under a virtual
// clock decide when work is done.
class Workers {
 public:
  using Work = absl::AnyInvocable<void()>;

  virtual ~Workers() = default;

  // Runs `work`, which throws nothing, on a thread that is no shard's. RESOURCE_EXHAUSTED if too much waits already,
  // UNAVAILABLE if the server is shutting down: it never runs then. Any thread.
  virtual absl::Status Submit(Work work) = 0;
};

// A few threads with one bounded queue. Thread-safe.
class WorkerPool final : public Workers {
 public:
  // `max_queued` bounds what waits, not what runs.
  WorkerPool(int threads, size_t max_queued);
  ~WorkerPool() override { Shutdown(); }

  absl::Status Submit(Work work) override;

  // Takes nothing new and returns when all that was taken has run. Not on a thread of the pool.
  void Shutdown();

  struct Counts {
    int64_t queued = 0;  // wait now
    int64_t done = 0;
    int64_t refused = 0;
  };
  Counts counts() const;

 private:
  void Loop();

  const size_t max_queued_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Work> queue_;
  Counts counts_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace atrium
