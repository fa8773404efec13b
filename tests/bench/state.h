#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/bench/child_process.h"
#include "tests/bench/loop.h"
#include "tests/bench/statistics.h"

namespace atrium::bench {

struct StateOptions {
  int members = 50;
  int rounds = 5;
  absl::Duration slice = absl::Seconds(1);
};

// What a change of state costs for each member, in rooms of a server with the rooms of bench_rooms.h: one key of 100
// set, a message added to 100, and members that move 20 times a second. Adds what it noticed to `notes`.
std::vector<Figure> MeasureState(Loop& loop, const ChildProcess& server, const StateOptions& options,
                                 std::vector<std::string>& notes);

}  // namespace atrium::bench
