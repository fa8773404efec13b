#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/common/mutex.h"
#include "server/live/shards/fair_queue.h"

namespace atrium {

// Takes work that would hold up a shard, such as hashing a password. It is an interface, so that tests under a virtual
// clock decide when work is done.
class Workers {
 public:
  struct Work {
    // This is called once, and throws nothing: with OK, on a thread that is no shard's, to do the work; else at once or
    // later, on any thread, with why it is not done. RESOURCE_EXHAUSTED if too much waits and its share has most of
    // that, DEADLINE_EXCEEDED if nobody wants it any more, UNAVAILABLE if the server is shutting down.
    absl::AnyInvocable<void(const absl::Status& fate)> run;
    // This says who wants it: all take turns.
    Share share;
    // It is of no use unless it begins within this time.
    absl::Duration within = absl::InfiniteDuration();
  };

  virtual ~Workers() = default;

  // Takes work, on any thread.
  virtual void Submit(Work work) = 0;
};

// Return what work is told that has to make place (RESOURCE_EXHAUSTED), and what comes too late (DEADLINE_EXCEEDED).
absl::Status WorkersBusy();
absl::Status WorkTooLate();

// A few threads with one bounded queue. It is thread-safe.
class WorkerPool final : public Workers {
 public:
  // `max_queued` bounds what waits, not what runs.
  WorkerPool(int threads, size_t max_queued);
  ~WorkerPool() override { Shutdown(); }

  void Submit(Work work) override;

  // Takes nothing new and returns when all that was taken has run. It is not called on a thread of the pool.
  void Shutdown();

  struct Counts {
    int64_t queued = 0;  // wait now
    int64_t done = 0;
    int64_t refused = 0;
    int64_t late = 0;  // not done because nobody wanted it any more
  };
  Counts counts() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Queued {
    Work work;
    Clock::time_point latest;
  };

  void Loop();

  mutable Mutex mutex_;
  CondVar wake_;
  FairQueue<Queued> queue_ ABSL_GUARDED_BY(mutex_);
  Counts counts_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace atrium
