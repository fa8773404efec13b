#include "server/net/listener.h"

#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <latch>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/common/status_macros.h"

namespace atrium {
namespace {

namespace asio = boost::asio;

using asio::ip::tcp;
using boost::system::error_code;

// When file descriptors run out, some may come free within this time.
constexpr absl::Duration kAcceptPause = absl::Milliseconds(100);

absl::StatusOr<tcp::endpoint> Resolve(absl::string_view name, const std::string& address, asio::io_context& io) {
  const size_t colon = address.rfind(':');
  if (colon == address.npos) {
    return absl::InvalidArgumentError(absl::StrCat(name, " address ", address, ": must be host:port"));
  }
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  error_code error;
  const auto found = tcp::resolver(io).resolve(host, address.substr(colon + 1), tcp::resolver::passive, error);
  if (error || found.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(name, " address ", address, ": ", error.message()));
  }
  return found.begin()->endpoint();
}

// Returns a socket that listens, and the address that it has. What it accepts has its options.
absl::StatusOr<std::pair<Socket, tcp::endpoint>> Listen(const tcp::endpoint& endpoint, const std::string& address,
                                                        asio::io_context& io) {
  tcp::acceptor acceptor(io);
  tcp::endpoint bound;
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.set_option(tcp::no_delay(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.non_blocking(true, error);
  if (!error) bound = acceptor.local_endpoint(error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  const int descriptor = error ? -1 : acceptor.release(error);
  if (error) return absl::UnavailableError(absl::StrCat("cannot listen on ", address, ": ", error.message()));
  return std::pair(Socket(descriptor, {}), bound);
}

// Returns whether the connection has only gone before it was accepted, or nobody waits any more.
bool IsNoFailure(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR || error == ECONNABORTED || error == EPROTO;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TcpListener>> TcpListener::Open(absl::string_view name, const std::string& address,
                                                               std::vector<IoShard*> shards, Log& log,
                                                               ConnectionLimiter* limiter, Accepted accepted) {
  asio::io_context& io = shards.front()->io();
  ASSIGN_OR_RETURN(const tcp::endpoint endpoint, Resolve(name, address, io));
  ASSIGN_OR_RETURN(auto listening, Listen(endpoint, address, io));
  return std::unique_ptr<TcpListener>(new TcpListener(std::move(listening.first), listening.second, std::move(shards),
                                                      log, limiter, std::move(accepted)));
}

TcpListener::TcpListener(Socket listening, const tcp::endpoint& endpoint, std::vector<IoShard*> shards, Log& log,
                         ConnectionLimiter* limiter, Accepted accepted)
    : shards_(std::move(shards)),
      endpoint_(endpoint),
      log_(log),
      limiter_(limiter),
      accepted_(std::move(accepted)),
      listening_(std::move(listening)) {
  shards_.front()->Post([this] {
    if (!poller().Add(listening_.descriptor(), *this, SocketPoller::kRead)) Pause(errno);
  });
}

TcpListener::~TcpListener() {
  Stop();
  // This waits for what Stop has posted.
  std::latch stopped(1);
  shards_.front()->Post([&stopped] { stopped.count_down(); });
  stopped.wait();
}

void TcpListener::Stop() {
  shards_.front()->Post([this] {
    if (!listening_.open()) return;
    shards_.front()->Cancel(pause_);
    poller().Remove(listening_.descriptor(), *this);
    listening_.Close();
  });
}

std::string TcpListener::address() const {
  const std::string host = endpoint_.address().to_string();
  return absl::StrCat(endpoint_.address().is_v6() ? absl::StrCat("[", host, "]") : host, ":", endpoint_.port());
}

void TcpListener::OnReady(bool, bool) {
  do {
    tcp::endpoint peer;
    auto size = static_cast<socklen_t>(peer.capacity());
    const int descriptor = accept4(listening_.descriptor(), peer.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return IsNoFailure(errno) ? void() : Pause(errno);
    peer.resize(size);
    accepts_->fetch_add(1, std::memory_order_relaxed);
    Socket socket(descriptor, peer);
    if (limiter_ != nullptr && !limiter_->Admit(socket)) continue;
    accepted_(next_, std::move(socket));
    next_ = (next_ + 1) % shards_.size();
  } while (poller().budget().Spend(TurnBudget::kPerMessage));
}

void TcpListener::Pause(int error) {
  log_.Warning("cannot accept connections", {{"error", error_code(error, boost::system::system_category()).message()}});
  poller().Remove(listening_.descriptor(), *this);
  pause_ = shards_.front()->After(kAcceptPause, [this] {
    pause_ = 0;
    if (!poller().Add(listening_.descriptor(), *this, SocketPoller::kRead)) Pause(errno);
  });
}

}  // namespace atrium
