#pragma once

#include <memory>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/common/fifo.h"
#include "server/common/steady_time.h"
#include "server/live/shards/fair_queue.h"
#include "server/live/shards/shard.h"

namespace atrium {

// Lets so many go on in any second, and those who wait in fair turns. It is made by std::make_shared and lives on one
// shard.
class Turns : public std::enable_shared_from_this<Turns> {
 public:
  using Go = absl::AnyInvocable<void(absl::Status)>;

  Turns(size_t a_second, size_t most_waiting) : a_second_(a_second), waiting_(most_waiting) {}

  // Calls `go` in a task of its own: with OK in its turn, with RESOURCE_EXHAUSTED if it had to make place for others,
  // or with DEADLINE_EXCEEDED if its turn comes at `ends` or later.
  void Wait(Shard& shard, const Share& share, SteadyTime ends, Go go);

 private:
  struct Waiting {
    SteadyTime ends;
    Go go;
  };

  // Returns when another one may go on.
  SteadyTime NextTime(SteadyTime now);
  void GiveTurn(SteadyTime now);

  const size_t a_second_;
  FairQueue<Waiting> waiting_;
  // These are the times of the last `a_second_` turns. Turns to come, one for each that waits, are among them.
  Fifo<SteadyTime> times_;
};

}  // namespace atrium
