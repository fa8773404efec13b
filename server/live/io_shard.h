#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/time/clock.h"
#include "server/common/fifo.h"
#include "server/live/shard.h"
#include "server/live/socket_poller.h"

namespace atrium {

// A shard on its own thread, with an io_context for sockets.
//
// A turn of the loop: sleep until there is something to do, run what the sockets have (bounded, so that a busy
// socket cannot starve the rest), then what is polled, then tasks (bounded too: not those that the shard posts to
// itself), then due timers, then some of what can wait, then what was put off to the end of the turn.
class IoShard final : public Shard {
 public:
  explicit IoShard(int index);
  // Stops and joins the thread.
  ~IoShard() override;

  void Start();
  // Ends the loop after its current turn and joins the thread; what is still queued never runs. Not on the shard.
  void Stop();

  // For sockets of this shard: those that Asio reads and writes, and those that only want to know when they can.
  boost::asio::io_context& io() { return io_; }
  SocketPoller& sockets() { return sockets_; }

  // Runs `task` once no socket has anything to handle; or a few in each turn, if that does not come. In the order asked
  // for. Of ten thousand clients that come at once each costs its fraction of a millisecond, and sockets have their
  // turn one after the other: what is put off here costs those who are there already nothing. On the shard.
  void WhenIdle(Task task) { when_idle_.push_back(std::move(task)); }

  // Runs `poll` once in each turn, and does not sleep, until it returns false: the events of another library. On the
  // shard.
  void Poll(absl::AnyInvocable<bool()> poll) { poll_ = std::move(poll); }

  int index() const override { return index_; }
  void Post(Task task) override;
  void AtTurnEnd(Task task) override { at_turn_end_.push_back(std::move(task)); }
  absl::Time Now() const override { return absl::Now(); }
  TimerId After(absl::Duration delay, Task task) override;
  void Cancel(TimerId timer) override;
  boost::asio::any_io_executor executor() override { return io_.get_executor(); }

 private:
  void Loop();
  // False if they have more to do.
  bool RunSockets();
  void TakeInbox();
  void Sleep();
  void RunTasks();
  void RunLocal();
  void RunTimers();
  void RunWhatCanWait(bool idle);
  void EndTurn();

  const int index_;
  boost::asio::io_context io_;
  const boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  SocketPoller sockets_;
  std::thread thread_;
  std::atomic<std::thread::id> thread_id_;

  // Guards what other threads touch. Of the standard library, whose locks ThreadSanitizer sees.
  std::mutex mutex_;
  std::vector<Task> inbox_;
  // The loop sleeps, or is about to: a post must wake it.
  bool asleep_ = false;
  bool stopping_ = false;

  // On the shard's thread only.
  Fifo<Task> arrived_;
  std::vector<Task> local_;
  std::vector<Task> running_;
  std::vector<Task> at_turn_end_;
  std::deque<Task> when_idle_;
  absl::AnyInvocable<bool()> poll_;
  // The id of a timer is when it is due, and in its low bits what tells it from others of about the same time.
  absl::btree_map<TimerId, Task> timers_;
  uint16_t last_timer_ = 0;
};

}  // namespace atrium
