#pragma once

#include <csignal>
#include <functional>
#include <mutex>
#include <thread>

namespace atrium::cli {

// SIGINT and SIGTERM, for commands that run until they are stopped. To be made before any other thread. Thread-safe.
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
  mutable std::mutex mutex_;
  std::function<void()> stop_;
  bool stopped_ = false;
  bool ending_ = false;
  std::thread waiter_;
};

}  // namespace atrium::cli
