#pragma once

#include <cstdint>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "server/common/steady_time.h"
#include "server/live/shards/shard.h"

namespace atrium {

// The time by which deadlines of clients are judged: the shard's without that in which the server stood still (stopped,
// suspended, or out of the processor for over a second), when it could not hear them. Runs on the shard.
class StandstillClock {
 public:
  // `stood_still` is told each time for how long.
  StandstillClock(Shard& shard, absl::AnyInvocable<void(absl::Duration)> stood_still)
      : shard_(shard), stood_still_(std::move(stood_still)) {}

  // Whether a timer that was due at `due` and runs only now tells that the server has stood still: for whoever has no
  // clock of this kind. On the shard.
  static bool IsLate(const Shard& shard, SteadyTime due) { return shard.Steady() - due > kTolerance; }

  SteadyTime Now() {
    const SteadyTime now = shard_.Steady();
    if (now > overdue_) LeaveOut(now);
    return SteadyTime::FromNanoseconds(now.nanoseconds() - left_out_ns_);
  }

  // Runs `task` after `delay`. One that comes much later than that tells that the server has stood still, so from the
  // first on there is always one under way.
  void After(absl::Duration delay, Shard::Task task) {
    overdue_ = shard_.Steady() + delay + kTolerance;
    shard_.After(delay, std::move(task));
  }

 private:
  // The server is late by more than this when it has stood still.
  static constexpr absl::Duration kTolerance = absl::Seconds(1);
  // A standstill may have begun right behind the last task, which was so long ago at most.
  static constexpr absl::Duration kBetweenTasks = absl::Seconds(1);

  void LeaveOut(SteadyTime now) {
    const absl::Duration gone = now - (overdue_ - kTolerance) + kBetweenTasks;
    overdue_ = now + kTolerance;
    left_out_ns_ += absl::ToInt64Nanoseconds(gone);
    stood_still_(gone);
  }

  Shard& shard_;
  absl::AnyInvocable<void(absl::Duration)> stood_still_;
  SteadyTime overdue_ = SteadyTime::InfiniteFuture();
  int64_t left_out_ns_ = 0;
};

}  // namespace atrium
