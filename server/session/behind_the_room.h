#pragma once

#include <utility>

#include "server/live/shards/shard.h"

namespace atrium {

// Returns what waits for a room's answer, and is called on the room's shard: it passes the outcome to `then` through
// the mailbox of `shard`. It arrives behind all that the room has posted there before, and before all that follows, so
// requests of one session or reader about one room take effect in their order.
template <typename Then>
auto BehindTheRoom(Shard& shard, Then then) {
  return [shard = &shard, then = std::move(then)](auto outcome) mutable {
    shard->Post([then = std::move(then), outcome = std::move(outcome)]() mutable { then(std::move(outcome)); });
  };
}

}  // namespace atrium
