#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "tests/bench/child_process.h"
#include "tests/bench/loop.h"
#include "tests/bench/statistics.h"

namespace atrium::bench {

struct ResumeOptions {
  int clients = 10'000;
  int members = 10;  // of each room
  int missed = 5;    // events of each room
  int rounds = 5;
  absl::Duration quiet = absl::Seconds(1);  // before each storm
};

// Clients that lose their connections all at once and come back all at once: to the server that still has their
// sessions, and to one that has been killed and started anew. `start` starts one.
std::vector<Figure> MeasureResume(Loop& loop, const std::function<std::unique_ptr<ChildProcess>()>& start,
                                  const ResumeOptions& options);

}  // namespace atrium::bench
