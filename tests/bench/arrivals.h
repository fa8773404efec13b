#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "tests/bench/bare_door.h"
#include "tests/bench/child_process.h"
#include "tests/bench/loop.h"
#include "tests/bench/statistics.h"

namespace atrium::bench {

struct ArrivalOptions {
  int clients = 5'000;
  int members = 10;  // of each room
  int rounds = 5;
};

// How Atrium and its limit are started; `texts` are what ServeBareDoor sends.
struct ArrivalServers {
  std::function<std::unique_ptr<ChildProcess>()> atrium;
  std::function<std::unique_ptr<ChildProcess>(const DoorTexts& texts)> bare;
};

// What it costs that a client connects, shakes hands, says hello and joins an untyped room, while a hundred others are
// on their way: CPU microseconds of the server for each, until the last member has heard of the last. In each round
// with servers that have just started, and have seen a hundredth of the clients before.
std::vector<Figure> MeasureArrivals(Loop& loop, const ArrivalServers& servers, const ArrivalOptions& options);

}  // namespace atrium::bench
