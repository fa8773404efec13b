#include "tests/bench/idle.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "tests/bench/check.h"
#include "tests/bench/pair.h"

namespace atrium::bench {
namespace {

constexpr absl::Duration kSetUpLimit = absl::Seconds(30);
constexpr int kOpeningAtOnce = 100;
constexpr int kCold = 100;
// Of the pair.
constexpr double kMessagesPerSecond = 200;

// Connections that open, say hello or nothing, and then wait.
class Waiting final : public Client::Events {
 public:
  Waiting(Loop& loop, uint16_t port, bool hello) : loop_(loop), port_(port), hello_(hello) {}

  void Open(int count, Opening opening) {
    for (int i = 0; i < count; ++i) {
      clients_.push_back(std::make_unique<Client>(loop_, *this, port_, opening, 0));
      loop_.RunUntil([&] { return total() - opened_ < kOpeningAtOnce; }, kSetUpLimit, "connections to open");
    }
    loop_.RunUntil([&] { return opened_ == total(); }, kSetUpLimit, "connections to open");
  }

  void OpenPaced(int count, Opening opening) {
    constexpr int kAtATime = 10;
    for (int i = 0; i < count; ++i) {
      clients_.push_back(std::make_unique<Client>(loop_, *this, port_, opening, 0));
      if (i % kAtATime == 0) loop_.RunFor(absl::Milliseconds(2));
      most_open_ = std::max(most_open_, opened_ - closed_);
    }
    loop_.RunUntil([&] { return opened_ == total(); }, kSetUpLimit, "connections to open");
    most_open_ = std::max(most_open_, opened_ - closed_);
  }

  int total() const { return static_cast<int>(clients_.size()); }
  int most_open() const { return most_open_; }
  int closed() const { return closed_; }

 private:
  void OnOpen(Client& client) override {
    if (hello_) {
      client.Send(MaskedText(R"({"id":1,"hello":{"client":"bench"}})"));
    } else {
      ++opened_;
    }
  }
  void OnText(Client&, absl::string_view text) override {
    if (absl::StartsWith(text, R"({"welcome":)")) ++opened_;
  }
  void OnClosed(Client&) override { ++closed_; }

  Loop& loop_;
  const uint16_t port_;
  const bool hello_;
  std::vector<std::unique_ptr<Client>> clients_;
  int opened_ = 0;
  int most_open_ = 0;
  int closed_ = 0;
};

}  // namespace

double ResidentBytesPerSession(Loop& loop, const ChildProcess& server, uint16_t port, Opening opening, int sessions) {
  Waiting waiting(loop, port, opening == Opening::kWebSocket);
  waiting.Open(kCold, opening);
  loop.RunFor(absl::Milliseconds(200));
  const int64_t before = server.ResidentBytes();
  waiting.Open(sessions, opening);
  loop.RunFor(absl::Milliseconds(200));
  Check(waiting.closed() == 0, "the server cut an idle session off");
  return static_cast<double>(server.ResidentBytes() - before) / sessions;
}

Silence RunSilence(Loop& loop, const ChildProcess& server, int connections, absl::Duration quiet,
                   absl::Duration limit) {
  Silence result;
  Pair pair(server, kMessagesPerSecond);
  result.quiet_p99_us = pair.P99(quiet);
  Waiting silent(loop, server.Port("http"), /*hello=*/false);
  result.storm_p99_us = pair.P99While([&] {
    silent.OpenPaced(connections / 2, Opening::kConnect);
    silent.OpenPaced(connections - connections / 2, Opening::kWebSocket);
    const absl::Time deadline = absl::Now() + limit;
    while (silent.closed() < connections && absl::Now() < deadline) loop.Turn(absl::Now() + absl::Milliseconds(20));
  });
  result.opened_at_once = silent.most_open();
  result.cut = silent.closed();
  return result;
}

}  // namespace atrium::bench
