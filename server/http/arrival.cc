#include "server/http/arrival.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <cerrno>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "server/http/parsed_request.h"
#include "server/http/request_framing.h"
#include "server/http/websocket_handshake.h"
#include "server/session/standstill_clock.h"

namespace atrium {
namespace {

namespace asio = boost::asio;

constexpr size_t kReadBytes = 4096;

}  // namespace

Arrival::Arrival(Socket socket, std::shared_ptr<HttpShard> http) : http_(std::move(http)), socket_(std::move(socket)) {
  http_->gate->open.fetch_add(1, std::memory_order_relaxed);
}

Arrival::~Arrival() {
  StopWatching();
  // A socket that is closed with something unread resets the connection, as if it had broken.
  std::array<char, kReadBytes> unread;
  if (socket_.open()) recv(socket_.descriptor(), unread.data(), unread.size(), MSG_DONTWAIT);
  http_->gate->open.fetch_sub(1, std::memory_order_relaxed);
}

void Arrival::Start() {
  http_->arrivals.insert(shared_from_this());
  ReadWhenIdle();
}

void Arrival::OnReady(bool, bool) {
  if (deadline_) http_->shard.Cancel(*std::exchange(deadline_, std::nullopt));
  ReadWhenIdle();
}

void Arrival::ReadWhenIdle() {
  http_->shard.WhenIdle([weak = weak_from_this()] {
    if (const std::shared_ptr<Arrival> self = weak.lock()) self->Read();
  });
}

void Arrival::Read() {
  std::array<char, kReadBytes> buffer;
  const ssize_t n = recv(socket_.descriptor(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n > 0) return GoOn({buffer.data(), static_cast<size_t>(n)});
  if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) return Watch();
  End();
}

void Arrival::Watch() {
  SocketPoller& poller = http_->shard.sockets();
  constexpr uint32_t kInterest = SocketPoller::kRead | SocketPoller::kOnce;
  if (watched_) {
    poller.Set(socket_.descriptor(), *this, kInterest);
  } else if (!(watched_ = poller.Add(socket_.descriptor(), *this, kInterest))) {
    return End();
  }
  SetDeadline();
}

void Arrival::SetDeadline() {
  const absl::Duration delay = http_->limits.request_timeout;
  deadline_ = http_->shard.After(delay, [this, due = http_->shard.Steady() + delay] {
    deadline_.reset();
    if (StandstillClock::IsLate(http_->shard, due)) return SetDeadline();
    http_->counters.timeouts.Add(1);
    End();
  });
}

void Arrival::StopWatching() {
  if (deadline_) http_->shard.Cancel(*std::exchange(deadline_, std::nullopt));
  if (std::exchange(watched_, false)) http_->shard.sockets().Remove(socket_.descriptor(), *this);
}

void Arrival::GoOn(absl::string_view read) {
  if (!BecomeWebSocket(read)) {
    StopWatching();
    ServeHttp(std::move(socket_), http_, read);
  }
  End();
}

bool Arrival::BecomeWebSocket(absl::string_view read) {
  // Any other target is an HttpSession's anyway.
  if (!absl::StartsWith(read, "GET /ws")) return false;
  RequestParser parser;
  boost::beast::error_code error;
  const size_t parsed = parser.put(asio::buffer(read.data(), read.size()), error);
  if (error || !parser.is_header_done()) return false;
  const RequestHeader& header = parser.get();
  const HttpHandlers& handlers = http_->service.handlers();
  if (!CheckFraming(read.substr(0, parsed), header).ok() || !CheckNames(header, handlers).ok()) return false;
  if (!IsWebSocketTarget(header, handlers)) return false;
  const auto answer = AnswerUpgrade(header, /*has_body=*/!parser.is_done(), handlers);
  const auto* const accepted = std::get_if<WebSocketAnswer>(&answer);
  if (accepted == nullptr) return false;

  const std::string head = AcceptanceOf(*accepted);
  const ssize_t sent = send(socket_.descriptor(), head.data(), head.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  // The kernel takes all of it from a new connection, unless the client has gone.
  if (sent != static_cast<ssize_t>(head.size())) return true;
  StopWatching();
  http_->HandOver(std::move(socket_), *accepted, std::string(read.substr(parsed)));
  return true;
}

void Arrival::End() { http_->arrivals.erase(shared_from_this()); }

}  // namespace atrium
