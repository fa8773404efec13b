#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/bench/child_process.h"
#include "tests/bench/fanout.h"
#include "tests/bench/loop.h"

namespace atrium::bench {

// Two members of a room of their own that chat at an even pace: what everybody else notices of a storm. On one thread
// at a time; it has a loop of its own.
class Pair {
 public:
  // `port` is Atrium's or, with Opening::kGroup, the bare sender's.
  Pair(const ChildProcess& server, double messages_per_second);
  Pair(const ChildProcess& server, uint16_t port, Opening opening, double messages_per_second);

  // The last event that arrived, as text.
  const std::string& last_event() const { return crowd_.last_event(); }

  // Microseconds from when each message was due to its delivery: 99 of 100 took no longer.
  double P99(absl::Duration duration);
  // The same while `act` runs on this thread, and the pair on another.
  double P99While(const std::function<void()>& act);
  // The same of all messages.
  std::vector<double> Latencies(absl::Duration duration);
  std::vector<double> LatenciesWhile(const std::function<void()>& act);

 private:
  const double messages_per_second_;
  Loop loop_;
  Crowd crowd_;
};

}  // namespace atrium::bench
