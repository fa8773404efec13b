#pragma once

#include <vector>

#include "tests/bench/child_process.h"
#include "tests/bench/loop.h"
#include "tests/bench/statistics.h"

namespace atrium::bench {

// Joins of `many` sessions into one room, beside joins of `few`: how many a second of CPU time, and the bytes that each
// joiner gets meanwhile. Into an untyped room, by their own frames; and into a typed one of a server with the rooms of
// bench_rooms.h, whose OnJoin ends at once, by calls of a service.
std::vector<Figure> MeasureJoins(Loop& loop, const ChildProcess& server, int many, int few, int rounds);

}  // namespace atrium::bench
