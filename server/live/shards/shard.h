#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "server/common/steady_time.h"
#include "server/live/shards/slices.h"

namespace atrium {

// One thread and all that lives on it. Rooms and sessions belong to a shard and are touched on it only, so they
// hold no locks. It is an interface, so that tests can run rooms under a virtual clock and a scheduler of their own.
// Any thread may call index, IsCurrent and Post; the rest is called on the shard.
class Shard {
 public:
  using Task = absl::AnyInvocable<void()>;
  using TimerId = uint64_t;

  virtual ~Shard() = default;

  // Returns the place of this shard among all of them, from 0.
  virtual int index() const = 0;

  // Returns true on the shard, and on any thread while the shard has none: before it starts and after it has stopped.
  virtual bool IsCurrent() const = 0;

  // Runs `task` on the shard, never inside this call. Tasks that one thread posts run in the order posted: this
  // is the mailbox on which the order of replies and frames rests.
  virtual void Post(Task task) = 0;

  // Runs `task` once, at the end of the current turn of the loop, after all tasks: what a turn has for a socket
  // goes out in one write.
  virtual void AtTurnEnd(Task task) = 0;

  // Runs `task` once, in the next turn: what the shard posts to itself during a turn still belongs to that.
  void NextTurn(Task task) {
    AtTurnEnd([this, task = std::move(task)]() mutable { Post(std::move(task)); });
  }

  // Returns the time that people are shown; whoever sets the clock may turn it back.
  virtual absl::Time Now() const = 0;

  // Returns the time for ages, windows, rates and time-outs: that at which this turn of the loop first asked.
  virtual SteadyTime Steady() const = 0;

  // Returns both.
  Moment ThisMoment() const { return {.wall = Now(), .steady = Steady()}; }

  // Runs `task` once `delay` has passed by the steady clock, unless Cancel comes first.
  virtual TimerId After(absl::Duration delay, Task task) = 0;

  // Does nothing for a timer that has run or was cancelled.
  virtual void Cancel(TimerId timer) = 0;

  // Returns an executor that resumes coroutines on the shard.
  virtual boost::asio::any_io_executor executor() = 0;

  // Returns what is still to be handed to readers here.
  Slices& slices() { return slices_; }

 private:
  Slices slices_{*this};
};

}  // namespace atrium
