#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/child_process.h"
#include "tests/bench/statistics.h"

namespace atrium::bench {

struct StartOptions {
  int rooms = 100'000;
  int records = 10;  // of each room
  int rounds = 5;
  std::string directory;  // where data directories are made
};

// Starts of a server with the rooms of bench_rooms.h on a data directory that holds durable rooms, beside starts on an
// empty one. `start` starts one on the directory that it is given, and returns when it serves.
std::vector<Figure> MeasureStart(
    const std::function<std::unique_ptr<ChildProcess>(const std::string& data_directory)>& start,
    const StartOptions& options);

}  // namespace atrium::bench
