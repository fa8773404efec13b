#pragma once

#include <sys/epoll.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace atrium {

// Tells sockets of a shard that they are ready: an epoll instance of its own. Asio's would have to be told before each
// read that it is waited for, a system call that costs as much as the read of a short message.
//
// Level-triggered: a socket is told again, a turn later, while it is ready. On the shard's thread; a Handler may add
// and remove any socket.
class SocketPoller {
 public:
  class Handler {
   public:
    // An error or the peer's end counts as both: the next call on the socket says which.
    virtual void OnReady(bool readable, bool writable) = 0;

    // OnReady comes next but one: the handler prefetches what that needs. kPrefetched bytes from the Handler on have
    // been fetched: it is the first base of a handler for which that counts.
    virtual void Prepare() {}
    static constexpr size_t kPrefetched = 320;

   protected:
    ~Handler() = default;
  };

  // What a socket is watched for, as a sum.
  static constexpr uint32_t kRead = EPOLLIN;
  static constexpr uint32_t kWrite = EPOLLOUT;
  // It is told once, and not again before Set.
  static constexpr uint32_t kOnce = EPOLLONESHOT;

  // `io` runs on the shard's thread.
  explicit SocketPoller(boost::asio::io_context& io);

  // `socket` does not block; `handler` stays until it is removed. False if the kernel has no room for it.
  bool Add(int socket, Handler& handler, uint32_t interest);
  void Set(int socket, Handler& handler, uint32_t interest);
  // Before the socket is closed. From here on `handler` is told nothing.
  void Remove(int socket, const Handler& handler);

  // Tells those that are ready, at most `most` of them. Returns how many there were.
  int Poll(int most);
  // Has `io` run a handler once some socket is ready.
  void WakeWhenReady();

 private:
  // Holds the epoll instance, which can be waited for as a socket can.
  boost::asio::posix::stream_descriptor epoll_;
  bool waking_ = false;
  // Those that are being told.
  std::array<epoll_event, 256> ready_;
  int ready_count_ = 0;
};

}  // namespace atrium
