#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "server/live/shards/shard.h"

namespace atrium {

// Finds out whether a port is still accepted from, as its listener might not know: it connects, and the listener's
// count of accepted connections is to rise. It can be copied, used on any shard and outlive its listener, which then
// does not accept.
class AcceptProbe {
 public:
  static constexpr absl::Duration kPatience = absl::Seconds(1);

  // Connections to `endpoint` are counted in `accepted`.
  AcceptProbe(const boost::asio::ip::tcp::endpoint& endpoint, std::shared_ptr<const std::atomic<int64_t>> accepted);

  // Calls `done` once, on `shard`, on which it is called: with whether the port was accepted from within kPatience.
  void Run(Shard& shard, absl::AnyInvocable<void(bool accepts)> done) const;

 private:
  boost::asio::ip::tcp::endpoint endpoint_;
  std::shared_ptr<const std::atomic<int64_t>> accepted_;
};

}  // namespace atrium
