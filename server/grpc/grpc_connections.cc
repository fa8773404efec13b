#include "server/grpc/grpc_connections.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <latch>
#include <utility>

#include "server/common/headroom.h"
#include "server/net/bytes_received.h"

namespace atrium {
namespace {

// gRPC reads all that the kernel has of a connection in one go. What flow control does not hold back, as floods of
// SETTINGS, PING and CONTINUATION frames, is so bounded for a turn, and ends soon after its sender has.
constexpr int kReceiveBuffer = 128 * 1024;

}  // namespace

// The second descriptor of one connection.
class GrpcConnections::Watch final : private SocketPoller::Handler {
 public:
  Watch(GrpcConnections& connections, Socket socket) : connections_(connections), socket_(std::move(socket)) {}
  ~Watch() { poller().Remove(socket_.descriptor(), *this); }

  // Returns how many bytes have come since the last call, or since the connection began.
  int64_t TakeReceived() {
    const int64_t received = BytesReceived(socket_.descriptor());
    return received - std::exchange(received_, received);
  }
  // Ends the connection, for gRPC too, which then lets go of it. What has come is thrown away: gRPC would else read it
  // before it sees the end, and the peer, whose window it closes, would not see the end either.
  void Cut() {
    shutdown(socket_.descriptor(), SHUT_RDWR);
    recv(socket_.descriptor(), nullptr, 2 * kReceiveBuffer, MSG_DONTWAIT | MSG_TRUNC);
  }

  // Returns false if the kernel has no room for it.
  bool Start() { return poller().Add(socket_.descriptor(), *this, kOnlyItsEnd); }

 private:
  static constexpr uint32_t kOnlyItsEnd = 0;

  SocketPoller& poller() { return connections_.shard_.sockets(); }
  void OnReady(bool, bool) override { connections_.End(socket_.descriptor()); }

  GrpcConnections& connections_;
  Socket socket_;
  int64_t received_ = 0;
};

GrpcConnections::GrpcConnections(IoShard& shard, std::unique_ptr<Acceptor> acceptor, int most, Refusals& refusals)
    : shard_(shard), acceptor_(std::move(acceptor)), most_(most), refusals_(refusals) {}

GrpcConnections::~GrpcConnections() {
  std::latch closed(1);
  shard_.Post([this, &closed] {
    open_.clear();
    closed.count_down();
  });
  closed.wait();
}

void GrpcConnections::End(int descriptor) { open_.erase(descriptor); }

void GrpcConnections::CutFloods() {
  const SteadyTime now = shard_.Steady();
  // What came long ago is no flood.
  const bool first = now - std::exchange(looked_at_, now) > 2 * Headroom::kInterval;
  for (const auto& [descriptor, watch] : open_) {
    if (watch->TakeReceived() <= kFlood || first) continue;
    watch->Cut();
    refusals_.Count(Limit::kGrpcFloods, kFlood);
  }
}

void GrpcConnections::Take(Socket socket) {
  if (most_ > 0 && open_.size() >= static_cast<size_t>(most_)) return refusals_.Count(Limit::kGrpcConnections, most_);
  Socket second(fcntl(socket.descriptor(), F_DUPFD_CLOEXEC, 0), socket.peer());
  if (!second.open()) return refusals_.Count(Limit::kDescriptors, 0);
  setsockopt(socket.descriptor(), SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof(kReceiveBuffer));
  second.set_place(socket.TakePlace());
  const int descriptor = second.descriptor();
  auto watch = std::make_unique<Watch>(*this, std::move(second));
  if (!watch->Start()) return;
  open_.emplace(descriptor, std::move(watch));
  Acceptor::NewConnectionParameters connection;
  connection.listener_fd = -1;
  connection.fd = socket.Release();
  acceptor_->HandleNewConnection(&connection);
}

}  // namespace atrium
