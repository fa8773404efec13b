#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace atrium {

// A moment by a clock that nobody can set (CLOCK_MONOTONIC), to the nanosecond. It is for ages, windows, rates and
// time-outs; people are shown an absl::Time, which may jump.
class SteadyTime {
 public:
  constexpr SteadyTime() = default;

  // Returns the time now, on any thread.
  static SteadyTime Now() {
    using std::chrono::nanoseconds, std::chrono::steady_clock;
    return FromNanoseconds(std::chrono::duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count());
  }
  static constexpr SteadyTime InfiniteFuture() { return FromNanoseconds(std::numeric_limits<int64_t>::max()); }
  static constexpr SteadyTime InfinitePast() { return FromNanoseconds(std::numeric_limits<int64_t>::min()); }

  // Both count from when the clock began.
  static constexpr SteadyTime FromNanoseconds(int64_t nanoseconds) {
    SteadyTime time;
    time.nanoseconds_ = nanoseconds;
    return time;
  }
  constexpr int64_t nanoseconds() const { return nanoseconds_; }

  friend constexpr bool operator==(SteadyTime, SteadyTime) = default;
  friend constexpr bool operator<(SteadyTime a, SteadyTime b) { return a.nanoseconds_ < b.nanoseconds_; }
  friend constexpr bool operator>(SteadyTime a, SteadyTime b) { return b < a; }
  friend constexpr bool operator<=(SteadyTime a, SteadyTime b) { return !(b < a); }
  friend constexpr bool operator>=(SteadyTime a, SteadyTime b) { return !(a < b); }

  // Sums and differences that are too large are infinite.
  friend SteadyTime operator+(SteadyTime time, absl::Duration duration) {
    int64_t sum = 0;
    const int64_t nanoseconds = absl::ToInt64Nanoseconds(duration);
    if (!__builtin_add_overflow(time.nanoseconds_, nanoseconds, &sum)) return FromNanoseconds(sum);
    return nanoseconds > 0 ? InfiniteFuture() : InfinitePast();
  }
  friend SteadyTime operator-(SteadyTime time, absl::Duration duration) { return time + -duration; }
  friend absl::Duration operator-(SteadyTime end, SteadyTime start) {
    int64_t difference = 0;
    if (!__builtin_sub_overflow(end.nanoseconds_, start.nanoseconds_, &difference)) {
      return absl::Nanoseconds(difference);
    }
    return end < start ? -absl::InfiniteDuration() : absl::InfiniteDuration();
  }

 private:
  int64_t nanoseconds_ = 0;
};

// One moment by both clocks.
struct Moment {
  absl::Time wall;
  SteadyTime steady;

  // Returns the steady time of what was written down as `then`, by a clock that may have been set since; now at the
  // latest.
  SteadyTime ToSteady(absl::Time then) const { return steady - std::max(wall - then, absl::ZeroDuration()); }
};

}  // namespace atrium
