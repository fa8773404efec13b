#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "server/live/shards/worker_pool.h"

namespace atrium::testing {

// Does work at once, or when a test says so, in the order of a WorkerPool and by the clock of the test. One thread.
class ManualWorkers final : public Workers {
 public:
  explicit ManualWorkers(std::function<SteadyTime()> now, size_t max_queued = 64)
      : now_(std::move(now)), waiting_(max_queued) {}

  void Submit(Work work) override {
    if (full) return work.run(WorkersBusy());
    const Share share = work.share;
    const SteadyTime latest = now_() + work.within;
    std::optional<Waiting> surplus = waiting_.Push(share, {.work = std::move(work), .latest = latest});
    if (surplus) surplus->work.run(WorkersBusy());
    if (!hold) Run();
  }

  // Does what waits.
  void Run() {
    while (!waiting_.empty()) RunOne();
  }
  // Does the next that is still wanted; false if there is none. What comes too late before it is told so.
  bool RunOne() {
    while (std::optional<Waiting> next = waiting_.Pop()) {
      const bool late = next->latest <= now_();
      next->work.run(late ? WorkTooLate() : absl::OkStatus());
      if (late) continue;
      ++done_;
      return true;
    }
    return false;
  }
  size_t waiting() const { return waiting_.size(); }
  int done() const { return done_; }

  // Keep work until Run.
  bool hold = false;
  // Refuse all.
  bool full = false;

 private:
  struct Waiting {
    Work work;
    SteadyTime latest;
  };

  const std::function<SteadyTime()> now_;
  FairQueue<Waiting> waiting_;
  int done_ = 0;
};

}  // namespace atrium::testing
