#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/bench/crowds.h"
#include "tests/bench/loop.h"

namespace atrium::bench {

struct PlotsOptions {
  std::string directory;
  int sessions = 0;  // about, in all rooms together
  int rounds = 0;
  absl::Duration slice;
};

// Writes latency.svg, latency against offered load in rooms of ten, and throughput.svg, deliveries per CPU second
// against members per room: Atrium and the bare sender, the medians of the rounds. Fails the program if it cannot.
void DrawPlots(Loop& loop, const CrowdServers& servers, const PlotsOptions& options);

}  // namespace atrium::bench
