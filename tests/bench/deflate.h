#pragma once

#include <vector>

#include "absl/time/time.h"
#include "tests/bench/child_process.h"
#include "tests/bench/loop.h"
#include "tests/bench/statistics.h"

namespace atrium::bench {

struct DeflateOptions {
  int members = 50;
  int rounds = 5;
  absl::Duration slice = absl::Seconds(1);
};

// What permessage-deflate costs and saves: a room of members that negotiated it beside one of as many that did not, for
// short and long events and for the reply with a whole state.
std::vector<Figure> MeasureDeflate(Loop& loop, const ChildProcess& server, const DeflateOptions& options);

}  // namespace atrium::bench
