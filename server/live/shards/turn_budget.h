#pragma once

#include <chrono>
#include <cstdint>

namespace atrium {

// Says what the sockets of a shard may do in one turn of its loop, so that tasks, timers and each other get their turns
// too: all have so much time together, and each does so much work. Work is counted in bytes that are read, with
// something added for each message; the clock is looked at only after so much work. It is used on the shard's thread.
class TurnBudget {
 public:
  using Clock = std::chrono::steady_clock;

  // Beside its bytes a message costs so much, and waking a socket too.
  static constexpr int64_t kPerMessage = 512;
  static constexpr int64_t kPerWakeUp = 512;
  // A socket may do so much before the others have their turn.
  static constexpr int64_t kSocketWork = int64_t{64} * 1024;
  static constexpr int64_t kWorkPerLook = int64_t{16} * 1024;
  // They have this time together, from the first look at the clock on.
  static constexpr std::chrono::microseconds kTime{500};

  explicit TurnBudget(Clock::time_point (*now)() = Clock::now) : now_(now) {}

  void BeginTurn() {
    to_look_ = kWorkPerLook;
    started_ = false;
    time_up_ = false;
  }
  void BeginSocket() {
    socket_left_ = kSocketWork;
    Spend(kPerWakeUp);
  }

  // Counts what has been done. Returns false if the socket is to leave the rest for its next turn.
  bool Spend(int64_t work) {
    socket_left_ -= work;
    to_look_ -= work;
    if (to_look_ < 0) Look();
    return socket_left_ > 0 && !time_up_;
  }
  // Looks at the clock, after what may have taken long, whatever its bytes.
  void Look();
  // If true, no other socket is to begin.
  bool time_up() const { return time_up_; }

 private:
  Clock::time_point (*const now_)();
  int64_t socket_left_ = kSocketWork;
  int64_t to_look_ = kWorkPerLook;
  bool started_ = false;
  bool time_up_ = false;
  Clock::time_point end_;
};

inline void TurnBudget::Look() {
  to_look_ = kWorkPerLook;
  const Clock::time_point now = now_();
  if (!started_) end_ = now + kTime;
  started_ = true;
  time_up_ = time_up_ || now >= end_;
}

}  // namespace atrium
