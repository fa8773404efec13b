#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/bench/child_process.h"
#include "tests/bench/loop.h"
#include "tests/bench/statistics.h"

namespace atrium::bench {

struct DurableOptions {
  int writers = 100;  // at once, beside one
  int rounds = 5;
  absl::Duration slice = absl::Seconds(1);
  std::string directory;  // of the bare log, on the file system of the server's
};

// Emits into durable rooms, acknowledged, beside RocksDB's own synced writes of as many bytes; and what ephemeral rooms
// notice of them. The server has the rooms of bench_rooms.h and a data directory.
std::vector<Figure> MeasureDurable(Loop& loop, const ChildProcess& server, const DurableOptions& options,
                                   std::vector<std::string>& notes);

}  // namespace atrium::bench
