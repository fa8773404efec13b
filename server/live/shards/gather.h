#pragma once

#include <functional>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "server/common/mutex.h"
#include "server/live/shards/shard.h"

namespace atrium {

template <typename T>
using Gathered = absl::AnyInvocable<void(std::vector<T>)>;

// Asks every shard, on its own thread, for an answer, which it may give now or later. `done` gets all answers, in no
// particular order, on the thread of the shard that answered last.
template <typename T>
void Gather(const std::vector<Shard*>& shards, std::function<void(int shard, Gathered<T> answer)> ask,
            Gathered<T> done) {
  struct Answers {
    Answers(size_t missing, Gathered<T> done) : missing(missing), done(std::move(done)) {}

    Mutex mutex;
    size_t missing ABSL_GUARDED_BY(mutex);
    std::vector<T> all ABSL_GUARDED_BY(mutex);
    Gathered<T> done ABSL_GUARDED_BY(mutex);
  };
  const auto answers = std::make_shared<Answers>(shards.size(), std::move(done));
  for (Shard* shard : shards) {
    Gathered<T> answer = [answers](std::vector<T> part) {
      MutexLock lock(answers->mutex);
      std::move(part.begin(), part.end(), std::back_inserter(answers->all));
      if (--answers->missing > 0) return;
      auto done = std::move(answers->done);
      auto all = std::move(answers->all);
      lock.Unlock();
      done(std::move(all));
    };
    shard->Post([ask, index = shard->index(), answer = std::move(answer)]() mutable { ask(index, std::move(answer)); });
  }
}

}  // namespace atrium
