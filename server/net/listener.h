#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/common/log.h"
#include "server/live/shards/io_shard.h"
#include "server/live/shards/socket.h"
#include "server/live/shards/socket_poller.h"
#include "server/net/accept_probe.h"
#include "server/net/connection_limiter.h"

namespace atrium {

// A TCP port whose connections go round the shards. It is thread-safe, and created and destroyed off the shards, while
// they run.
class TcpListener final : private SocketPoller::Handler {
 public:
  // This is called on the first shard with each connection that is admitted, which has TCP_NODELAY and is for the shard
  // of that index.
  using Accepted = absl::AnyInvocable<void(size_t shard, Socket socket)>;

  // Listens on `address`, host:port; port 0 picks a free one. Connections may come before this returns.
  // INVALID_ARGUMENT, with `name` in its message, if `address` is none; UNAVAILABLE, with the address, if it cannot
  // listen there. `limiter` is asked about each connection, unless it is null. All that it is given must outlive it.
  static absl::StatusOr<std::unique_ptr<TcpListener>> Open(absl::string_view name, const std::string& address,
                                                           std::vector<IoShard*> shards, Log& log,
                                                           ConnectionLimiter* limiter, Accepted accepted);

  // When this returns, nothing is accepted any more.
  ~TcpListener();

  // Refuses new connections from now on.
  void Stop();

  uint16_t port() const { return endpoint_.port(); }
  // Returns where it listens, as host:port, with the brackets of IPv6.
  std::string address() const;

  // Returns what finds out whether connections are accepted here.
  AcceptProbe probe() const { return {endpoint_, accepts_}; }

 private:
  TcpListener(Socket listening, const boost::asio::ip::tcp::endpoint& endpoint, std::vector<IoShard*> shards, Log& log,
              ConnectionLimiter* limiter, Accepted accepted);

  SocketPoller& poller() { return shards_.front()->sockets(); }
  // Accepts those who wait, as many as the turn allows.
  void OnReady(bool readable, bool writable) override;
  // Accepts nobody for a while, because of `error`, and then tries again.
  void Pause(int error);

  const std::vector<IoShard*> shards_;
  const boost::asio::ip::tcp::endpoint endpoint_;
  Log& log_;
  ConnectionLimiter* const limiter_;
  // This counts connections that have been accepted, whether they were admitted or not.
  const std::shared_ptr<std::atomic<int64_t>> accepts_ = std::make_shared<std::atomic<int64_t>>(0);

  // What follows is used on the first shard.
  Accepted accepted_;
  Socket listening_;
  // This is the shard of the next connection.
  size_t next_ = 0;
  Shard::TimerId pause_ = 0;
};

}  // namespace atrium
