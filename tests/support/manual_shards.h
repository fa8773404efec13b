#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/random/bit_gen_ref.h"
#include "absl/time/time.h"
#include "server/live/shards/shard.h"

namespace atrium::testing {

// Shards without threads, under a virtual clock: a test posts, runs what there is to run, and lets time pass. One
// thread.
//
// Run and Advance go the way of a machine that nothing disturbs. Step takes any way that the contract of Shard leaves
// open: tasks of one poster on one shard stay in their order, everything else (shards, posters, coroutines that may go
// on, timers that are due) comes in whatever order its random source says.
class ManualShards {
 public:
  explicit ManualShards(int count);
  // Coroutines that wait to go on are destroyed where they stand; Asio posts that too.
  ~ManualShards();

  Shard& operator[](int i);
  std::vector<Shard*> All();

  SteadyTime steady() const { return steady_; }
  // What the wall clock shows, and somebody turns it.
  absl::Time now() const { return wall_ + (steady_ - SteadyTime()); }
  void TurnWallClock(absl::Duration by) { wall_ += by; }

  // The shard that runs now.
  int current() const { return poster_; }

  // Runs everything that is posted, and what that posts, on all shards.
  void Run();
  // Ends the turn of one shard, whatever else it has to do.
  void EndTurn(int shard);
  // Lets `duration` pass; timers run at their time, in order.
  void Advance(absl::Duration duration);

  // Runs one of the things that may come next; false if there is none.
  bool Step(absl::BitGenRef random);
  // Lets `duration` pass; timers that are due then wait for a Step. Coroutines that may go on do so before: a hook
  // begins when it is called.
  void Pass(absl::Duration duration);
  std::optional<SteadyTime> NextTimer() const;

  // Runs `task` on a shard, as something that a socket brought.
  template <typename Task>
  void RunOn(int shard, Task&& task) {
    const int before = std::exchange(poster_, shard);
    std::forward<Task>(task)();
    poster_ = before;
  }

  // Runs `task` on a thread of its own that is no shard's, such as gRPC's.
  template <typename Task>
  void RunElsewhere(Task&& task) {
    RunOn(++last_thread_, std::forward<Task>(task));
  }

 private:
  class Executor;
  class ManualShard;

  struct Timer {
    int shard;
    Shard::Task task;
  };
  using Timers = absl::btree_map<std::pair<SteadyTime, Shard::TimerId>, Timer>;

  void RunTimer(Timers::iterator it);

  SteadyTime steady_;
  // When the steady clock began.
  absl::Time wall_ = absl::FromUnixSeconds(1'800'000'000);
  Shard::TimerId last_timer_ = 0;
  // Who posts now: a shard, or a thread that is none.
  int poster_;
  int last_thread_ = 1000;
  Timers timers_;
  std::vector<std::unique_ptr<ManualShard>> shards_;
};

}  // namespace atrium::testing
