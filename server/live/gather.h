#pragma once

#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "server/live/shard.h"

namespace atrium {

template <typename T>
using Gathered = absl::AnyInvocable<void(std::vector<T>)>;

// Asks every shard, on its own thread, for an answer now or later, and hands all to `done` on the thread of the last:
// in no order.
template <typename T>
void Gather(const std::vector<Shard*>& shards, std::function<void(int shard, Gathered<T> answer)> ask,
            Gathered<T> done) {
  struct Answers {
    std::mutex mutex;
    size_t missing;
    std::vector<T> all;
    Gathered<T> done;
  };
  auto answers = std::make_shared<Answers>();
  answers->missing = shards.size();
  answers->done = std::move(done);
  for (Shard* shard : shards) {
    Gathered<T> answer = [answers](std::vector<T> part) {
      std::unique_lock lock(answers->mutex);
      std::move(part.begin(), part.end(), std::back_inserter(answers->all));
      if (--answers->missing > 0) return;
      auto done = std::move(answers->done);
      auto all = std::move(answers->all);
      lock.unlock();
      done(std::move(all));
    };
    shard->Post([ask, index = shard->index(), answer = std::move(answer)]() mutable { ask(index, std::move(answer)); });
  }
}

}  // namespace atrium
