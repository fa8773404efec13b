#pragma once

#include <sys/epoll.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <vector>

#include "server/live/shards/turn_budget.h"

namespace atrium {

// Tells sockets of a shard that they are ready, by an epoll instance of its own. Asio would have to be told before each
// read that it is waited for, by a system call that costs as much as the read of a short message.
//
// It is level-triggered: a socket is told again, a turn later, while it is ready. It is used on the shard's thread; a
// Handler may add and remove any socket.
class SocketPoller {
 public:
  class Handler {
   public:
    // Says that the socket is ready. An error or the peer's end counts as both: the next call on the socket says which.
    virtual void OnReady(bool readable, bool writable) = 0;

    // Is called when OnReady comes next but one, and prefetches what that needs. kPrefetched bytes from the Handler on
    // have been fetched already, so that a class for which that counts has Handler as its first base.
    virtual void Prepare() {}
    static constexpr size_t kPrefetched = 320;

   protected:
    ~Handler() = default;
  };

  // A socket is watched for a sum of these.
  static constexpr uint32_t kRead = EPOLLIN;
  static constexpr uint32_t kWrite = EPOLLOUT;
  // With this it is told once, and not again before Set.
  static constexpr uint32_t kOnce = EPOLLONESHOT;

  // `io` runs on the shard's thread.
  explicit SocketPoller(boost::asio::io_context& io);

  // Watches `socket`, which does not block, until Remove; `handler` lives as long. Returns false if the kernel has no
  // room for it.
  bool Add(int socket, Handler& handler, uint32_t interest);
  void Set(int socket, Handler& handler, uint32_t interest);
  // Is called before the socket is closed. From here on `handler` is told nothing.
  void Remove(int socket, const Handler& handler);

  // Has `handler` told once, behind those that are ready now, that it can be read, because it has read bytes that it
  // has not dealt with.
  void TellAgain(Handler& handler) { again_.push_back(&handler); }

  // Tells those that are ready, at most `most` of them, as far as the budget goes: the rest comes first in the next
  // call. Returns how many there were.
  int Poll(int most);
  // Returns whether some are to be told, whatever the kernel says.
  bool pending() const { return next_ < ready_count_ || !again_.empty(); }
  // Returns the budget of the turn that runs; handlers count there what they do.
  TurnBudget& budget() { return budget_; }
  // Has `io` run a handler once some socket is ready.
  void WakeWhenReady();
  // Returns whether that has been asked for and has not come yet.
  bool waking() const { return waking_; }

 private:
  void FindReady();

  // Holds the epoll instance, which can be waited for as a socket can.
  boost::asio::posix::stream_descriptor epoll_;
  bool waking_ = false;
  TurnBudget budget_;
  // These are being told; the first `next_` have been.
  std::array<epoll_event, 256> ready_;
  int next_ = 0;
  int ready_count_ = 0;
  std::vector<Handler*> again_;
};

}  // namespace atrium
