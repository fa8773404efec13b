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

// Asks every shard, on its own thread, and hands all answers to `done` on the thread of the last: in no order.
template <typename T>
void Gather(const std::vector<Shard*>& shards, std::function<std::vector<T>(int shard)> ask,
            absl::AnyInvocable<void(std::vector<T>)> done) {
  struct Answers {
    std::mutex mutex;
    size_t missing;
    std::vector<T> all;
    absl::AnyInvocable<void(std::vector<T>)> done;
  };
  auto answers = std::make_shared<Answers>();
  answers->missing = shards.size();
  answers->done = std::move(done);
  for (Shard* shard : shards) {
    shard->Post([answers, ask, index = shard->index()] {
      std::vector<T> part = ask(index);
      std::unique_lock lock(answers->mutex);
      std::move(part.begin(), part.end(), std::back_inserter(answers->all));
      if (--answers->missing > 0) return;
      auto done = std::move(answers->done);
      auto all = std::move(answers->all);
      lock.unlock();
      done(std::move(all));
    });
  }
}

}  // namespace atrium
