#pragma once

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"
#include "server/common/steady_time.h"

namespace atrium {

// Says when what happens again and again is to be logged: at once, and then every 10 s at most, because whoever was
// turned away comes again. It is thread-safe, and of several threads one is told to log.
class LogPace {
 public:
  bool IsDue() {
    const int64_t now = SteadyTime::Now().nanoseconds();
    int64_t silent_until = silent_until_.load(std::memory_order_relaxed);
    if (now < silent_until) return false;
    return silent_until_.compare_exchange_strong(silent_until, now + absl::ToInt64Nanoseconds(kInterval));
  }

 private:
  static constexpr absl::Duration kInterval = absl::Seconds(10);

  // In nanoseconds of the steady clock.
  std::atomic<int64_t> silent_until_{0};
};

}  // namespace atrium
