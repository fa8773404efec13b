#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "tests/bench/child_process.h"
#include "tests/bench/statistics.h"

namespace atrium::bench {

struct AttackOptions {
  int clients = 10;
  int rooms = 200'000;    // that a list walks
  int streams = 2'500;    // of all clients, on one room
  absl::Duration length;  // of each attack
};

// What two members that chat at 20 messages a second notice of clients that each send what costs a server most: the p99
// of their messages in milliseconds, beside the same without the clients. One figure for each kind of attack. `start`
// starts Atrium with its usual rates.
std::vector<Figure> MeasureAttacks(const std::function<std::unique_ptr<ChildProcess>()>& start,
                                   const AttackOptions& options);

}  // namespace atrium::bench
