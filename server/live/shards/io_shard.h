#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <deque>
#include <thread>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/time/clock.h"
#include "server/common/fifo.h"
#include "server/common/mutex.h"
#include "server/live/shards/shard.h"
#include "server/live/shards/socket_poller.h"

namespace atrium {

// A shard on its own thread, with an io_context for sockets. Any thread may call Post and IsCurrent; the rest runs on
// the shard, unless it says otherwise.
//
// A turn of the loop: sleep until there is something to do, run what the sockets have, then what is polled, then tasks,
// then due timers, then some of what can wait, then what was put off to the end of the turn. Sockets, those of Asio,
// tasks of other threads and those of the shard itself are each bounded by time, so that none of them starves the rest.
class IoShard final : public Shard {
 public:
  explicit IoShard(int index);
  // Stops and joins the thread.
  ~IoShard() override;

  void Start();
  // Ends the loop after its current turn and joins the thread; what is still queued never runs. It is not called on the
  // shard.
  void Stop();

  // Sockets of this shard use these: those that Asio reads and writes, and those that only want to know when they can.
  boost::asio::io_context& io() { return io_; }
  SocketPoller& sockets() { return sockets_; }

  // Runs `task` once no socket has anything to handle and no turn has left any work to the next one; or a few such
  // tasks in each turn, if that does not come, in the order of the calls. Of ten thousand clients that come at once
  // each costs its fraction of a millisecond, and sockets have their turn one after the other: what is put off here
  // costs those who are there already nothing.
  void WhenIdle(Task task) { when_idle_.push_back(std::move(task)); }

  // Runs `poll`, which looks for the events of another library, once in each turn, and does not sleep until it returns
  // false.
  void Poll(absl::AnyInvocable<bool()> poll) { poll_ = std::move(poll); }

  int index() const override { return index_; }
  bool IsCurrent() const override;
  void Post(Task task) override;
  void AtTurnEnd(Task task) override { at_turn_end_.push_back(std::move(task)); }
  absl::Time Now() const override { return absl::Now(); }
  SteadyTime Steady() const override {
    if (turn_time_ == kNotAsked) turn_time_ = SteadyTime::Now();
    return turn_time_;
  }
  TimerId After(absl::Duration delay, Task task) override;
  void Cancel(TimerId timer) override;
  boost::asio::any_io_executor executor() override { return io_.get_executor(); }

 private:
  void Loop();
  // Both return false if their sockets have more to do.
  bool RunSockets();
  bool RunAsio();
  // Takes what other threads have posted. If that is nothing and the loop may sleep, whoever posts wakes it from now
  // on. Returns false if the loop is to end.
  bool TakeInbox(bool may_sleep);
  // Returns after a socket handler has run, after a post, or when the next timer is due. It returns true if the poller
  // woke it: then Asio has just looked for more, and is not asked again in this turn.
  bool Sleep();
  void RunTasks();
  // Runs local tasks, with what they post to this very shard, for so long, but a few at least.
  void RunLocal(absl::Duration length);
  bool has_local() const { return next_running_ < running_.size() || !local_.empty(); }
  void RunTimers();
  void RunWhatCanWait(bool idle);
  void EndTurn();

  static constexpr SteadyTime kNotAsked = SteadyTime::InfinitePast();

  const int index_;
  boost::asio::io_context io_;
  const boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  SocketPoller sockets_;
  std::thread thread_;
  // There is none before the loop has begun and after it has ended.
  std::atomic<std::thread::id> thread_id_;

  Mutex mutex_;
  std::vector<Task> inbox_ ABSL_GUARDED_BY(mutex_);
  // If true, the loop sleeps or is about to, and a post must wake it.
  bool asleep_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  // What follows is touched on the shard's thread only.
  mutable SteadyTime turn_time_ = kNotAsked;
  Fifo<Task> arrived_;
  std::vector<Task> local_;
  // These were in `local_` and are being run; the first of them have been.
  std::vector<Task> running_;
  size_t next_running_ = 0;
  std::vector<Task> at_turn_end_;
  std::deque<Task> when_idle_;
  absl::AnyInvocable<bool()> poll_;
  // The id of a timer is when it is due, and in its low bits what tells it from others of about the same time.
  absl::btree_map<TimerId, Task> timers_;
  uint16_t last_timer_ = 0;
};

}  // namespace atrium
