#pragma once

#include <csignal>
#include <functional>
#include <thread>

#include "absl/synchronization/mutex.h"

namespace atrium::cli {

// SIGINT and SIGTERM, for commands that run until they are stopped. It is made before any other thread, and
// thread-safe.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();

  bool stopped() const;
  // Runs `stop` on a thread of its own when a signal comes, or has come already; it replaces the one before, which is
  // not running any more when this returns.
  void WhenStopped(std::function<void()> stop);

 private:
  void Wait();

  sigset_t signals_;
  mutable absl::Mutex mutex_;
  std::function<void()> stop_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread waiter_;
};

}  // namespace atrium::cli
