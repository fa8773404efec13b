#include "client-sdk/cli/stop_signal.h"

#include <ctime>
#include <utility>

namespace atrium::cli {

StopSignal::StopSignal() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  waiter_ = std::thread([this] { Wait(); });
}

StopSignal::~StopSignal() {
  {
    const absl::MutexLock lock(&mutex_);
    ending_ = true;
  }
  waiter_.join();
}

bool StopSignal::stopped() const {
  const absl::MutexLock lock(&mutex_);
  return stopped_;
}

void StopSignal::WhenStopped(std::function<void()> stop) {
  const absl::MutexLock lock(&mutex_);
  stop_ = std::move(stop);
  if (stopped_ && stop_) stop_();
}

void StopSignal::Wait() {
  const timespec while_asleep{.tv_sec = 0, .tv_nsec = 50'000'000};
  while (true) {
    const bool came = sigtimedwait(&signals_, nullptr, &while_asleep) > 0;
    const absl::MutexLock lock(&mutex_);
    if (ending_) return;
    if (!came || stopped_) continue;
    stopped_ = true;
    if (stop_) stop_();
  }
}

}  // namespace atrium::cli
