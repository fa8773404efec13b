#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <optional>

#include "absl/time/time.h"
#include "server/live/shards/io_shard.h"

namespace atrium {

// Cancels what a socket does once a time has passed. If the server stood still when it passed, and could not hear its
// client, the client has the whole time anew. On the shard of the socket.
class SocketDeadline {
 public:
  // Both must outlive it.
  SocketDeadline(IoShard& shard, boost::asio::ip::tcp::socket& socket) : shard_(shard), socket_(socket) {}
  ~SocketDeadline() { Clear(); }
  SocketDeadline(const SocketDeadline&) = delete;
  SocketDeadline& operator=(const SocketDeadline&) = delete;

  // After `delay` from now.
  void Set(absl::Duration delay);

  // After a `delay` in which the client took nothing. A write waits for room in the kernel's buffer, which may be there
  // only once the client has taken megabytes: what counts is what it has acknowledged.
  void SetForWriting(absl::Duration delay);

  void Clear();

  // The last one that was set has passed.
  bool expired() const { return expired_; }

 private:
  // For a write, if the client had not taken `untaken` bytes when it was last looked at.
  void Start(absl::Duration delay, std::optional<size_t> untaken);
  void Expire();

  IoShard& shard_;
  boost::asio::ip::tcp::socket& socket_;
  std::optional<Shard::TimerId> timer_;
  bool expired_ = false;
};

}  // namespace atrium
