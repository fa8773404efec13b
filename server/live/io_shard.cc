#include "server/live/io_shard.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>

namespace atrium {
namespace {

// So many socket handlers may run before the tasks get their turn.
constexpr int kHandlersPerTurn = 256;
// Tasks from other threads run so long in a turn: who sends many has no claim on those whose frames wait for its end.
constexpr std::chrono::microseconds kTaskSlice(500);
constexpr int kTasksPerLook = 8;  // at the clock
// Of what can wait, a turn does so many if sockets have more to do, else as many as this time allows.
constexpr int kLeastWhenIdle = 4;
constexpr std::chrono::milliseconds kIdleSlice(1);

// Timers are told apart by so many bits of their ids; the rest is time, in ticks of 2^14 ns up to the year 2116.
constexpr int kTimerBits = 16;
constexpr int kTickBits = 14;
constexpr int64_t kLastTick = (int64_t{1} << (64 - kTimerBits)) - 1;

// Never before `time`.
int64_t TickAfter(absl::Time time) { return std::min((absl::ToUnixNanos(time) >> kTickBits) + 1, kLastTick); }

absl::Time DueTime(Shard::TimerId timer) {
  return absl::FromUnixNanos(static_cast<int64_t>(timer >> kTimerBits) << kTickBits);
}

std::chrono::steady_clock::time_point ToSteady(absl::Duration from_now) {
  return std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(from_now);
}

}  // namespace

IoShard::IoShard(int index) : index_(index), io_(1), work_(io_.get_executor()), sockets_(io_) {}

IoShard::~IoShard() { Stop(); }

void IoShard::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void IoShard::Stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  boost::asio::post(io_, [] {});
  thread_.join();
}

void IoShard::Post(Task task) {
  if (std::this_thread::get_id() == thread_id_.load(std::memory_order_relaxed)) {
    local_.push_back(std::move(task));
    return;
  }
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    inbox_.push_back(std::move(task));
    wake = asleep_;
    asleep_ = false;
  }
  if (wake) boost::asio::post(io_, [] {});
}

Shard::TimerId IoShard::After(absl::Duration delay, Task task) {
  TimerId id = static_cast<TimerId>(TickAfter(Now() + delay)) << kTimerBits | ++last_timer_;
  while (!timers_.try_emplace(id, std::move(task)).second) ++id;
  return id;
}

void IoShard::Cancel(TimerId timer) { timers_.erase(timer); }

void IoShard::Loop() {
  thread_id_ = std::this_thread::get_id();
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    TakeInbox();
    if (arrived_.empty() && local_.empty() && when_idle_.empty() && poll_ == nullptr) Sleep();
    const bool idle = RunSockets();
    if (poll_ != nullptr && !poll_()) poll_ = nullptr;
    RunTasks();
    RunTimers();
    RunWhatCanWait(idle);
    EndTurn();
  }
}

bool IoShard::RunSockets() {
  int left = kHandlersPerTurn;
  while (const int handled = sockets_.Poll(left)) {
    left -= handled;
    if (left == 0) return false;
  }
  for (; left > 0; --left) {
    if (io_.poll_one() == 0) return true;
  }
  return false;
}

void IoShard::TakeInbox() {
  const std::lock_guard lock(mutex_);
  for (Task& task : inbox_) arrived_.push_back(std::move(task));
  inbox_.clear();
}

// Returns after a socket handler has run, a post, or when the next timer is due.
void IoShard::Sleep() {
  {
    const std::lock_guard lock(mutex_);
    if (!inbox_.empty() || stopping_) return;
    asleep_ = true;
  }
  sockets_.WakeWhenReady();
  if (timers_.empty()) {
    io_.run_one();
  } else {
    io_.run_one_until(ToSteady(DueTime(timers_.begin()->first) - Now()));
  }
  const std::lock_guard lock(mutex_);
  asleep_ = false;
}

void IoShard::RunTasks() {
  TakeInbox();
  const auto end = std::chrono::steady_clock::now() + kTaskSlice;
  for (int i = 1; !arrived_.empty(); ++i) {
    Task task = std::move(arrived_.front());
    arrived_.pop_front();
    task();
    if (i % kTasksPerLook == 0 && std::chrono::steady_clock::now() >= end) break;
  }
  RunLocal();
}

// Also what these tasks post to this very shard.
void IoShard::RunLocal() {
  while (!local_.empty()) {
    running_.swap(local_);
    for (Task& task : running_) task();
    running_.clear();
  }
}

void IoShard::RunTimers() {
  if (timers_.empty()) return;
  const absl::Time now = Now();
  while (!timers_.empty() && DueTime(timers_.begin()->first) <= now) {
    const auto timer = timers_.begin();
    Task task = std::move(timer->second);
    timers_.erase(timer);
    task();
  }
}

void IoShard::RunWhatCanWait(bool idle) {
  if (when_idle_.empty()) return;
  const auto end = std::chrono::steady_clock::now() + kIdleSlice;
  for (int i = 0; !when_idle_.empty(); ++i) {
    if (i >= kLeastWhenIdle && (!idle || std::chrono::steady_clock::now() >= end)) return;
    Task task = std::move(when_idle_.front());
    when_idle_.pop_front();
    task();
  }
}

void IoShard::EndTurn() {
  // Timers may have posted; their frames go out in this turn too.
  RunLocal();
  for (size_t i = 0; i < at_turn_end_.size(); ++i) std::exchange(at_turn_end_[i], nullptr)();
  at_turn_end_.clear();
}

}  // namespace atrium
