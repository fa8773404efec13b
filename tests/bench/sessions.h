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

// What a server sent its sessions, and what that cost it.
struct Traffic {
  int64_t frames = 0;
  int64_t bytes = 0;  // of the frames, WebSocket headers included
  absl::Duration cpu;
  absl::Duration elapsed;  // from the first to the last of what was asked for, not the wait for quiet behind it
};

// Sessions of one Atrium, over WebSocket in JSON, numbered from 0, that join rooms together. One thread.
class Sessions final : public Client::Events {
 public:
  // Connects and says hello.
  Sessions(Loop& loop, const ChildProcess& server, int count, Opening opening = Opening::kWebSocket);

  int count() const { return static_cast<int>(clients_.size()); }

  // The first `count` join an untyped room, each by its own frame, 64 at a time; or a service brings them, 64 at a
  // time. To the last member frame.
  Traffic Join(const std::string& room, int count);
  Traffic BringIn(const std::string& room, int count);

  // Session 0 sends frame after frame, the next when all sessions have got what the last gave them: one event or patch
  // each. `frame(i)` gives the frames: i counts over all closed loops.
  Traffic RunClosedLoop(const std::function<std::string(int)>& frame, absl::Duration duration, int at_least = 1);
  // One frame of the closed loop; returns the bytes that it gave each.
  int64_t Probe(const std::function<std::string(int)>& frame);

  // Each session in turn sends `frame(i)`, at equal intervals over all.
  Traffic RunPaced(double frames_per_second, const std::function<std::string(int)>& frame, absl::Duration duration);

  // Bytes of the answer to getState.
  int64_t StateBytes(const std::string& room);
  // Session 0 asks for the state again and again; each answer is a frame.
  Traffic RunGetState(const std::string& room, absl::Duration duration);

 private:
  void OnOpen(Client& client) override;
  void OnText(Client& client, absl::string_view text) override;
  void OnClosed(Client& client) override;
  // Runs `act` and waits for quiet.
  Traffic Measure(const std::function<void()>& act);
  void WaitForQuiet();

  Loop& loop_;
  const ChildProcess& server_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::string> ids_;  // empty before the welcome
  int welcomed_ = 0;
  int joined_ = 0;
  int64_t state_bytes_ = 0;
  int64_t frames_ = 0;
  int64_t bytes_ = 0;
  int sent_ = 0;  // in closed loops
  absl::Time last_text_;
};

}  // namespace atrium::bench
