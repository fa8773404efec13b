#include "server/live/shards/io_shard.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>

namespace atrium {
namespace {

// So many sockets may be dealt with before the tasks get their turn, and so many handlers of Asio's run.
constexpr int kHandlersPerTurn = 256;
// Tasks from other threads run so long in a turn, and those that the shard posts to itself: who sends many has no claim
// on those whose frames wait for its end.
constexpr absl::Duration kTaskSlice = absl::Microseconds(500);
constexpr int kTasksPerLook = 8;
// If sockets have more to do, a turn runs so many tasks that can wait, else as many as this time allows.
constexpr int kLeastWhenIdle = 4;
constexpr absl::Duration kIdleSlice = absl::Milliseconds(1);

// Timers are told apart by so many bits of their ids; the rest is time, in ticks of 2^14 ns: enough for 146 years.
constexpr int kTimerBits = 16;
constexpr int kTickBits = 14;
constexpr int64_t kLastTick = (int64_t{1} << (64 - kTimerBits)) - 1;

// Returns a tick that is never before `time`.
int64_t TickAfter(SteadyTime time) { return std::min((time.nanoseconds() >> kTickBits) + 1, kLastTick); }

SteadyTime DueTime(Shard::TimerId timer) {
  return SteadyTime::FromNanoseconds(static_cast<int64_t>(timer >> kTimerBits) << kTickBits);
}

std::chrono::steady_clock::time_point ToChrono(SteadyTime time) {
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(time.nanoseconds()));
}

// The time that some tasks have together. It begins when the clock is first looked at.
class Slice {
 public:
  explicit Slice(absl::Duration length) : length_(length) {}

  // Returns whether the time is over. It is asked after each task.
  bool IsOver() {
    if (++done_ % kTasksPerLook != 0) return false;
    const SteadyTime now = SteadyTime::Now();
    if (done_ == kTasksPerLook) end_ = now + length_;
    return now >= end_;
  }

 private:
  const absl::Duration length_;
  int done_ = 0;
  SteadyTime end_;
};

}  // namespace

IoShard::IoShard(int index) : index_(index), io_(1), work_(io_.get_executor()), sockets_(io_) {}

IoShard::~IoShard() { Stop(); }

void IoShard::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void IoShard::Stop() {
  if (!thread_.joinable()) return;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  boost::asio::post(io_, [] {});
  thread_.join();
  thread_id_ = std::thread::id();
}

bool IoShard::IsCurrent() const {
  const std::thread::id thread = thread_id_.load(std::memory_order_relaxed);
  return thread == std::this_thread::get_id() || thread == std::thread::id();
}

void IoShard::Post(Task task) {
  if (std::this_thread::get_id() == thread_id_.load(std::memory_order_relaxed)) {
    local_.push_back(std::move(task));
    return;
  }
  bool wake = false;
  {
    const MutexLock lock(mutex_);
    inbox_.push_back(std::move(task));
    wake = asleep_;
    asleep_ = false;
  }
  if (wake) boost::asio::post(io_, [] {});
}

Shard::TimerId IoShard::After(absl::Duration delay, Task task) {
  TimerId id = static_cast<TimerId>(TickAfter(SteadyTime::Now() + delay)) << kTimerBits | ++last_timer_;
  while (!timers_.try_emplace(id, std::move(task)).second) ++id;
  return id;
}

void IoShard::Cancel(TimerId timer) { timers_.erase(timer); }

void IoShard::Loop() {
  thread_id_ = std::this_thread::get_id();
  for (;;) {
    turn_time_ = kNotAsked;
    const bool caught_up = arrived_.empty() && !has_local();
    const bool may_sleep = caught_up && when_idle_.empty() && poll_ == nullptr && !sockets_.pending();
    if (!TakeInbox(may_sleep)) return;
    const bool asio_idle = may_sleep && arrived_.empty() && Sleep();
    const bool sockets_idle = RunSockets();
    const bool idle = (asio_idle || RunAsio()) && sockets_idle && caught_up;
    if (poll_ != nullptr && !poll_()) poll_ = nullptr;
    RunTasks();
    RunTimers();
    RunWhatCanWait(idle);
    EndTurn();
  }
}

bool IoShard::RunSockets() {
  sockets_.budget().BeginTurn();
  int left = kHandlersPerTurn;
  while (const int handled = sockets_.Poll(left)) {
    left -= handled;
    if (left == 0 || sockets_.budget().time_up()) return false;
  }
  return true;
}

bool IoShard::RunAsio() {
  TurnBudget budget;
  for (int left = kHandlersPerTurn; left > 0; --left) {
    if (io_.poll_one() == 0) return true;
    // A single handler may do the whole of an HTTP request.
    budget.Look();
    if (budget.time_up()) return false;
  }
  return false;
}

bool IoShard::TakeInbox(bool may_sleep) {
  const MutexLock lock(mutex_);
  asleep_ = may_sleep && inbox_.empty();
  for (Task& task : inbox_) arrived_.push_back(std::move(task));
  inbox_.clear();
  return !stopping_;
}

bool IoShard::Sleep() {
  sockets_.WakeWhenReady();
  if (timers_.empty()) {
    io_.run_one();
  } else {
    io_.run_one_until(ToChrono(DueTime(timers_.begin()->first)));
  }
  const MutexLock lock(mutex_);
  asleep_ = false;
  return !sockets_.waking();
}

void IoShard::RunTasks() {
  TakeInbox(/*may_sleep=*/false);
  Slice slice(kTaskSlice);
  while (!arrived_.empty()) {
    Task task = std::move(arrived_.front());
    arrived_.pop_front();
    task();
    if (slice.IsOver()) break;
  }
  RunLocal(kTaskSlice);
}

void IoShard::RunLocal(absl::Duration length) {
  Slice slice(length);
  for (;;) {
    if (next_running_ == running_.size()) {
      running_.clear();
      next_running_ = 0;
      if (local_.empty()) return;
      running_.swap(local_);
    }
    running_[next_running_++]();
    if (slice.IsOver()) return;
  }
}

void IoShard::RunTimers() {
  if (timers_.empty()) return;
  const SteadyTime now = Steady();
  while (!timers_.empty() && DueTime(timers_.begin()->first) <= now) {
    const auto timer = timers_.begin();
    Task task = std::move(timer->second);
    timers_.erase(timer);
    task();
  }
}

void IoShard::RunWhatCanWait(bool idle) {
  if (when_idle_.empty()) return;
  const SteadyTime end = SteadyTime::Now() + kIdleSlice;
  for (int i = 0; !when_idle_.empty(); ++i) {
    if (i >= kLeastWhenIdle && (!idle || SteadyTime::Now() >= end)) return;
    Task task = std::move(when_idle_.front());
    when_idle_.pop_front();
    task();
  }
}

void IoShard::EndTurn() {
  // Timers may have posted, and the frames of that go out in this turn too.
  if (has_local()) RunLocal(absl::ZeroDuration());
  for (size_t i = 0; i < at_turn_end_.size(); ++i) std::exchange(at_turn_end_[i], nullptr)();
  at_turn_end_.clear();
}

}  // namespace atrium
