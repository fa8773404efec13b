#pragma once

#include <deque>
#include <utility>

#include "server/common/errors.h"
#include "server/live/worker_pool.h"

namespace atrium::testing {

// Does work at once, or when a test says so. One thread.
class ManualWorkers final : public Workers {
 public:
  absl::Status Submit(Work work) override {
    if (full) return MakeError(absl::StatusCode::kResourceExhausted, "SERVER_BUSY", "The server is busy, try again");
    waiting_.push_back(std::move(work));
    if (!hold) Run();
    return absl::OkStatus();
  }

  // Does what waits.
  void Run() {
    while (!waiting_.empty()) {
      Work work = std::move(waiting_.front());
      waiting_.pop_front();
      work();
    }
  }
  size_t waiting() const { return waiting_.size(); }

  // Keep work until Run.
  bool hold = false;
  // Refuse all.
  bool full = false;

 private:
  std::deque<Work> waiting_;
};

}  // namespace atrium::testing
