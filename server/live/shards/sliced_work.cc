#include "server/live/shards/sliced_work.h"

#include <utility>

namespace atrium {

void SlicedWork::Add(Step step) {
  steps_.push_back(std::move(step));
  if (steps_.size() == 1) Schedule();
}

void SlicedWork::Schedule() {
  shard_.NextTurn([this] { RunStep(); });
}

void SlicedWork::RunStep() {
  Step step = std::move(steps_.front());
  // It stays the first while it runs, so that what it adds does not schedule a second.
  if (step()) steps_.push_back(std::move(step));
  steps_.pop_front();
  if (!steps_.empty()) Schedule();
}

}  // namespace atrium
