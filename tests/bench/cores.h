#pragma once

#include <vector>

#include "absl/time/time.h"
#include "tests/bench/child_process.h"
#include "tests/bench/fanout.h"
#include "tests/bench/loop.h"
#include "tests/bench/statistics.h"

namespace atrium::bench {

// What a second shard adds, without a second idle core to measure it on: deliveries per CPU second of the server's
// busiest thread, with two shards beside one, and what a delivery costs all threads together.
std::vector<Figure> MeasureCores(Loop& loop, const ChildProcess& one_shard, const ChildProcess& two_shards,
                                 const Shape& shape, int rounds, absl::Duration slice);

}  // namespace atrium::bench
