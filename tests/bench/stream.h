#pragma once

#include <vector>

#include "absl/time/time.h"
#include "tests/bench/child_process.h"
#include "tests/bench/statistics.h"

namespace atrium::bench {

// What an event costs that a service publishes over one Connect stream, into a room where it is alone, beside `echo`
// (ServeStreamEcho): `emits` at a time, so many of them in a message as the figure says, for `slice` in a round.
std::vector<Figure> MeasureStream(const ChildProcess& atrium, const ChildProcess& echo, int emits, int rounds,
                                  absl::Duration slice);

}  // namespace atrium::bench
