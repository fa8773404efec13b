#pragma once

#include <functional>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "server/live/shard.h"

namespace atrium {

// Asks every shard, on its own thread, and hands all answers to `done` on the thread of the last: in no order.
template <typename T>
void Gather(const std::vector<Shard*>& shards, std::function<std::vector<T>(int shard)> ask,
            absl::AnyInvocable<void(std::vector<T>)> done) {
  struct Answers {
    absl::Mutex mutex;
    size_t missing ABSL_GUARDED_BY(mutex);
    std::vector<T> all ABSL_GUARDED_BY(mutex);
    absl::AnyInvocable<void(std::vector<T>)> done ABSL_GUARDED_BY(mutex);
  };
  auto answers = std::make_shared<Answers>();
  {
    absl::MutexLock lock(&answers->mutex);
    answers->missing = shards.size();
    answers->done = std::move(done);
  }
  for (Shard* shard : shards) {
    shard->Post([answers, ask, index = shard->index()] {
      std::vector<T> part = ask(index);
      absl::ReleasableMutexLock lock(&answers->mutex);
      std::move(part.begin(), part.end(), std::back_inserter(answers->all));
      if (--answers->missing > 0) return;
      auto done = std::move(answers->done);
      auto all = std::move(answers->all);
      lock.Release();
      done(std::move(all));
    });
  }
}

}  // namespace atrium
