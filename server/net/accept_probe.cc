#include "server/net/accept_probe.h"

#include <sys/socket.h>

#include <boost/asio/ip/address.hpp>
#include <cerrno>
#include <utility>

#include "server/live/shards/socket.h"

namespace atrium {
namespace {

using boost::asio::ip::tcp;

// Between two looks at the count.
constexpr absl::Duration kInterval = absl::Milliseconds(5);

// Returns where a listener can be reached that listens at `endpoint`, which may be every address.
tcp::endpoint Reachable(const tcp::endpoint& endpoint) {
  if (!endpoint.address().is_unspecified()) return endpoint;
  if (endpoint.address().is_v4()) return {boost::asio::ip::address_v4::loopback(), endpoint.port()};
  return {boost::asio::ip::address_v6::loopback(), endpoint.port()};
}

// One probe, which owns itself.
struct Attempt {
  Shard& shard;
  Socket socket;
  std::shared_ptr<const std::atomic<int64_t>> accepted;
  const int64_t before;
  const SteadyTime deadline;
  absl::AnyInvocable<void(bool)> done;

  static void Look(std::unique_ptr<Attempt> attempt) {
    const bool accepts = attempt->accepted->load(std::memory_order_relaxed) > attempt->before;
    if (accepts || attempt->shard.Steady() >= attempt->deadline) {
      attempt->socket.Close();
      return attempt->done(accepts);
    }
    Shard& shard = attempt->shard;
    shard.After(kInterval, [attempt = std::move(attempt)]() mutable { Look(std::move(attempt)); });
  }
};

}  // namespace

AcceptProbe::AcceptProbe(const tcp::endpoint& endpoint, std::shared_ptr<const std::atomic<int64_t>> accepted)
    : endpoint_(Reachable(endpoint)), accepted_(std::move(accepted)) {}

void AcceptProbe::Run(Shard& shard, absl::AnyInvocable<void(bool)> done) const {
  const int64_t before = accepted_->load(std::memory_order_relaxed);
  Socket socket(::socket(endpoint_.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), endpoint_);
  if (!socket.open()) return done(false);
  const int connected = connect(socket.descriptor(), endpoint_.data(), static_cast<socklen_t>(endpoint_.size()));
  if (connected != 0 && errno != EINPROGRESS) return done(false);
  Attempt::Look(std::unique_ptr<Attempt>(new Attempt{.shard = shard,
                                                     .socket = std::move(socket),
                                                     .accepted = accepted_,
                                                     .before = before,
                                                     .deadline = shard.Steady() + kPatience,
                                                     .done = std::move(done)}));
}

}  // namespace atrium
