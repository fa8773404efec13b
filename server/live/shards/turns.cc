#include "server/live/shards/turns.h"

#include <algorithm>
#include <optional>

namespace atrium {

void Turns::Wait(Shard& shard, const Share& share, SteadyTime ends, Go go) {
  if (std::optional<Waiting> surplus = waiting_.Push(share, {.ends = ends, .go = std::move(go)})) {
    // The turn that it would have had is there for the others.
    return shard.Post([go = std::move(surplus->go)]() mutable { go(absl::ResourceExhaustedError("too many wait")); });
  }
  const SteadyTime now = shard.Steady();
  const SteadyTime time = NextTime(now);
  auto give = [self = shared_from_this(), &shard] { self->GiveTurn(shard.Steady()); };
  if (time > now) {
    shard.After(time - now, std::move(give));
  } else {
    shard.Post(std::move(give));
  }
}

SteadyTime Turns::NextTime(SteadyTime now) {
  SteadyTime time = now;
  if (times_.size() == a_second_) {
    time = std::max(now, times_.front() + absl::Seconds(1));
    times_.pop_front();
  }
  times_.push_back(time);
  return time;
}

void Turns::GiveTurn(SteadyTime now) {
  while (std::optional<Waiting> next = waiting_.Pop()) {
    const bool late = next->ends <= now;
    next->go(late ? absl::DeadlineExceededError("nobody waits for it any more") : absl::OkStatus());
    if (!late) return;
  }
}

}  // namespace atrium
