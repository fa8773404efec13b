#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/bench/crowds.h"
#include "tests/bench/loop.h"
#include "tests/bench/statistics.h"

namespace atrium::bench {

// How late frames come in the rooms of a shape, one publish at a time at equal intervals, at so many deliveries a
// second over all.
std::vector<Figure> MeasureLatency(Loop& loop, const CrowdServers& servers, const Shape& shape,
                                   double deliveries_per_second, int rounds, absl::Duration slice);

// The same at half of the deliveries a second that Atrium reached just before, in a closed loop of one publish at a
// time in each room; `notes` gets how many those are.
std::vector<Figure> MeasureLatencyAtHalf(Loop& loop, const CrowdServers& servers, const Shape& shape, int rounds,
                                         absl::Duration slice, std::vector<std::string>& notes);

}  // namespace atrium::bench
