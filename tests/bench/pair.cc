#include "tests/bench/pair.h"

#include <atomic>
#include <thread>
#include <vector>

#include "tests/bench/statistics.h"

namespace atrium::bench {

Pair::Pair(const ChildProcess& server, double messages_per_second)
    : Pair(server, server.Port("http"), Opening::kWebSocket, messages_per_second) {}

Pair::Pair(const ChildProcess& server, uint16_t port, Opening opening, double messages_per_second)
    : messages_per_second_(messages_per_second),
      crowd_(loop_, server, port, opening, Shape{.rooms = 1, .members = 2, .burst = 1}) {
  crowd_.Open();
}

double Pair::P99(absl::Duration duration) {
  std::vector<double> latencies_us = Latencies(duration);
  return Percentile(latencies_us, 0.99);
}

double Pair::P99While(const std::function<void()>& act) {
  std::vector<double> latencies_us = LatenciesWhile(act);
  return Percentile(latencies_us, 0.99);
}

std::vector<double> Pair::Latencies(absl::Duration duration) { return crowd_.RunPaced(messages_per_second_, duration); }

std::vector<double> Pair::LatenciesWhile(const std::function<void()>& act) {
  std::atomic<bool> goes_on{true};
  std::vector<double> latencies_us;
  std::thread chat([&] { latencies_us = crowd_.RunPaced(messages_per_second_, [&] { return goes_on.load(); }); });
  act();
  goes_on = false;
  chat.join();
  return latencies_us;
}

}  // namespace atrium::bench
