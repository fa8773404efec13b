#pragma once

#include "absl/functional/any_invocable.h"
#include "server/common/fifo.h"
#include "server/live/shards/shard.h"

namespace atrium {

// The long work of one shard, such as listing its rooms: one step in each turn of its loop, so that whatever else the
// shard has to do comes between, however many want such work done. All of it has its turn. It lives on the shard.
class SlicedWork {
 public:
  explicit SlicedWork(Shard& shard) : shard_(shard) {}

  // Runs `step` from the next turn on until it returns false: a step does less than a millisecond of work.
  using Step = absl::AnyInvocable<bool()>;
  void Add(Step step);

 private:
  void Schedule();
  void RunStep();

  Shard& shard_;
  // While there are any, RunStep is on its way.
  Fifo<Step> steps_;
};

}  // namespace atrium
