#include "server/websocket/websocket_connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "server/common/errors.h"
#include "server/session/client_address.h"

namespace atrium {
namespace {

using boost::asio::ip::tcp;

// RFC 6455 section 7.4.1.
constexpr uint16_t kNormalClose = 1000;
constexpr uint16_t kNoCloseCode = 1005;
// So often a socket that is always readable is read before others have their turn.
constexpr int kReadsPerTurn = 4;

std::string CloseFrame(CloseCode code, absl::string_view reason) {
  constexpr size_t kMaxReason = 123;  // RFC 6455 section 5.5: 125 with the code
  reason = reason.substr(0, kMaxReason);
  const auto number = static_cast<uint16_t>(code);
  std::string frame = {static_cast<char>(0x88), static_cast<char>(2 + reason.size()), static_cast<char>(number >> 8),
                       static_cast<char>(number & 0xff)};
  frame.append(reason.data(), reason.size());
  return frame;
}

Outbox::Bytes Shared(std::string bytes) { return std::make_shared<const std::string>(std::move(bytes)); }

std::string AddressOf(const tcp::socket& socket) {
  boost::system::error_code error;
  const tcp::endpoint remote = socket.remote_endpoint(error);
  return error ? std::string() : NormalAddress(remote.address().to_string());
}

int Release(tcp::socket& socket) {
  boost::system::error_code error;
  return socket.release(error);
}

absl::string_view Explain(CloseCode code) {
  switch (code) {
    case CloseCode::kMessageTooBig: return "message too large";
    case CloseCode::kInvalidUtf8: return "a text message must be UTF-8, a compressed one DEFLATE (RFC 7692)";
    default: return "WebSocket protocol violated (RFC 6455)";
  }
}

}  // namespace

WebSocketConnection::WebSocketConnection(SessionHub& hub, WebSocketDoor& door, Encoding encoding, tcp::socket socket)
    : Connection(hub, encoding, AddressOf(socket)), door_(&door), socket_(Release(socket)) {}

WebSocketConnection::~WebSocketConnection() {
  if (!open()) return;
  poller().Remove(socket_, *this);
  close(socket_);
}

void WebSocketConnection::Start(absl::string_view leftover) {
  if (!open()) return Closed();
  if (!leftover.empty()) Feed(leftover);
  BeginToWatch();
}

void WebSocketConnection::BeginToWatch() {
  if (!open() || moving()) return;
  watched_ = SocketPoller::kRead | SocketPoller::kOnce;
  if (!poller().Add(socket_, *this, watched_)) Abort();
}

void WebSocketConnection::Watch() {
  if (!open() || moving()) return;
  uint32_t wanted = (waiting_to_read_ ? 0 : SocketPoller::kRead) | (waiting_to_write_ ? SocketPoller::kWrite : 0);
  // What a client sends before its hello is read when the shard has nothing else to do.
  if (wanted != 0 && session() == nullptr) wanted |= SocketPoller::kOnce;
  if (wanted == watched_) return;
  watched_ = wanted;
  poller().Set(socket_, *this, wanted);
}

void WebSocketConnection::OnReady(bool readable, bool writable) {
  const std::shared_ptr<Connection> self = shared_from_this();
  if (watched_ & SocketPoller::kOnce) watched_ = 0;
  if (writable && std::exchange(waiting_to_write_, false)) Write();
  if (readable && session() == nullptr) {
    ReadWhenIdle();
  } else if (readable) {
    ReadSome();
  }
  Watch();
}

// ---- Reading

void WebSocketConnection::ReadWhenIdle() {
  if (std::exchange(waiting_to_read_, true)) return;
  door_->shard().WhenIdle([this, self = shared_from_this()] {
    waiting_to_read_ = false;
    ReadSome();
    Watch();
  });
}

void WebSocketConnection::ReadSome() {
  auto& buffer = door_->read_buffer();
  for (int i = 0; i < kReadsPerTurn && open() && !moving(); ++i) {
    const ssize_t n = recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (n <= 0) return Abort();
    Feed({buffer.data(), static_cast<size_t>(n)});
    if (static_cast<size_t>(n) < buffer.size()) return;
  }
}

void WebSocketConnection::Feed(absl::string_view bytes) {
  if (deaf_) return;
  Heard();
  if (parser_ == nullptr) parser_ = door_->TakeParser();
  // Of the shard that it is on now, whoever had the parser before.
  parser_->set_inflater(IsDeflated(encoding()) ? &door_->inflater() : nullptr);
  FrameParser::Outcome outcome = parser_->Feed(bytes, *this);
  switch (outcome.state) {
    case FrameParser::State::kOpen:
      if (!outcome.answer.empty() && !close_sent_) Queue(Shared(std::move(outcome.answer)));
      if (parser_->idle()) door_->GiveBack(std::move(parser_));
      return;
    case FrameParser::State::kPeerClosed:
      deaf_ = true;
      peer_closed_ = true;
      if (!std::exchange(close_sent_, true)) outbox_.Push(Shared(std::move(outcome.answer)));
      PeerLeft(/*said_goodbye=*/outcome.close_code == kNormalClose || outcome.close_code == kNoCloseCode);
      return WriteSoon();
    case FrameParser::State::kViolation: {
      deaf_ = true;
      const auto code = static_cast<CloseCode>(outcome.close_code);
      return Close(code, Explain(code));
    }
  }
}

void WebSocketConnection::OnMessage(bool text, absl::string_view message) {
  const bool json = Plain(encoding()) == Encoding::kWebSocketJson;
  if (text == json) return OnRequest(json ? DecodeJsonFrame(message) : DecodeProtoFrame(message));
  ClientRequest request;
  request.status = InvalidField("frame", json ? "atrium.v1.json wants text messages, not binary ones"
                                              : "atrium.v1.proto wants binary messages, not text");
  OnRequest(std::move(request));
}

// ---- Writing

void WebSocketConnection::Write() {
  if (!open() || waiting_to_write_) return;
  while (!outbox_.empty()) {
    if (!WriteSome()) return;
  }
  if (!close_sent_) return;
  if (peer_closed_) return Abort();
  // The client's own close, or the end of its patience, is waited for.
  shutdown(socket_, SHUT_WR);
}

bool WebSocketConnection::WriteSome() {
  const ssize_t sent = SendQueued();
  if (sent >= 0) {
    Sent(static_cast<size_t>(sent));
    return true;
  }
  if (errno == EINTR) return true;
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    waiting_to_write_ = true;
    Watch();
  } else {
    Abort();
  }
  return false;
}

// A copy of a few frames costs less than the list in which the kernel would look for them.
ssize_t WebSocketConnection::SendQueued() {
  absl::string_view queued = outbox_.Unsent(0);
  if (outbox_.size() > 1) {
    auto& buffer = door_->write_buffer();
    size_t size = 0;
    for (size_t i = 0; i < outbox_.size(); ++i) {
      const absl::string_view unsent = outbox_.Unsent(i);
      if (unsent.size() > buffer.size() - size) break;
      std::memcpy(buffer.data() + size, unsent.data(), unsent.size());
      size += unsent.size();
    }
    if (size > queued.size()) queued = {buffer.data(), size};
  }
  return send(socket_, queued.data(), queued.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

// ---- Moving

void WebSocketConnection::Depart() {
  if (open()) poller().Remove(socket_, *this);
  waiting_to_write_ = false;
  door_ = &door_->OnShard(next_hub().shard().index());
}

void WebSocketConnection::Arrive() { BeginToWatch(); }

// ---- Closing

void WebSocketConnection::FinishClose(CloseCode code, absl::string_view reason) {
  if (!std::exchange(close_sent_, true)) outbox_.Push(Shared(CloseFrame(code, reason)));
}

void WebSocketConnection::Abort() {
  if (!open()) return;
  poller().Remove(socket_, *this);
  close(std::exchange(socket_, -1));
  Closed();
}

void WebSocketConnection::Ping() { Queue(Shared({static_cast<char>(0x89), 0})); }

}  // namespace atrium
