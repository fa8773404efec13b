#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/bench/child_process.h"
#include "tests/bench/client.h"
#include "tests/bench/loop.h"

namespace atrium::bench {

// Acknowledged writes.
struct Writes {
  std::vector<double> latencies_us;  // from asking to the answer
  absl::Duration elapsed;

  double PerSecond() const { return static_cast<double>(latencies_us.size()) / absl::ToDoubleSeconds(elapsed); }
};

// Sessions of one Atrium, over WebSocket in JSON, each a member of a room that a service has brought it into, and
// emitting there. Their events are for nobody, so that writing is all that they cost. One thread.
class Writers final : public Client::Events {
 public:
  // Writer i writes into rooms[i].
  Writers(Loop& loop, const ChildProcess& server, const std::vector<std::string>& rooms);

  // Each emits again when it has its answer.
  Writes RunClosedLoop(absl::Duration duration);

  // Each in turn emits, at equal intervals over all, answered or not, for as long as `goes_on`.
  void RunPaced(double emits_per_second, const std::function<bool()>& goes_on);

 private:
  struct Writer {
    std::string session_id;
    std::unique_ptr<Client> client;
    std::string emit;  // the frame
    absl::Time asked;
  };

  void OnOpen(Client& client) override;
  void OnText(Client& client, absl::string_view text) override;
  void OnClosed(Client& client) override;
  void OnAnswer(Writer& writer);
  void BringIn(const ChildProcess& server, const std::vector<std::string>& rooms);
  void Emit(Writer& writer);
  void WaitForAnswers();

  Loop& loop_;
  std::vector<Writer> writers_;
  int welcomed_ = 0;
  int joined_ = 0;
  bool again_ = false;  // emit when the last is answered
  int64_t awaited_ = 0;
  std::vector<double>* latencies_us_ = nullptr;  // while they are wanted
};

}  // namespace atrium::bench
