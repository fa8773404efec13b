#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"

namespace atrium {

// One thread and all that lives on it. Rooms and sessions belong to a shard and are touched on it only, so they
// hold no locks. An interface, so that tests can run rooms under a virtual clock and a scheduler of their own.
class Shard {
 public:
  using Task = absl::AnyInvocable<void()>;
  using TimerId = uint64_t;

  virtual ~Shard() = default;

  // The place of this shard among all of them, from 0.
  virtual int index() const = 0;

  // Runs `task` on the shard, never inside this call. Tasks that one thread posts run in the order posted: this
  // is the mailbox on which the order of replies and frames rests. Any thread.
  virtual void Post(Task task) = 0;

  // Runs `task` once, at the end of the current turn of the loop, after all tasks: what a turn has for a socket
  // goes out in one write. On the shard.
  virtual void AtTurnEnd(Task task) = 0;

  // On the shard.
  virtual absl::Time Now() const = 0;

  // Runs `task` on the shard once `delay` has passed, unless Cancel comes first. On the shard.
  virtual TimerId After(absl::Duration delay, Task task) = 0;

  // Does nothing for a timer that has run or was cancelled. On the shard.
  virtual void Cancel(TimerId timer) = 0;

  // Resumes coroutines on the shard.
  virtual boost::asio::any_io_executor executor() = 0;
};

}  // namespace atrium
