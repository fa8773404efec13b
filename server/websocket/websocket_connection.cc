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

absl::string_view Explain(CloseCode code) {
  switch (code) {
    case CloseCode::kMessageTooBig: return "message too large";
    case CloseCode::kInvalidUtf8: return "a text message must be UTF-8, a compressed one DEFLATE (RFC 7692)";
    default: return "WebSocket protocol violated (RFC 6455)";
  }
}

}  // namespace

WebSocketConnection::WebSocketConnection(SessionHub& hub, WebSocketDoor& door, Encoding encoding, tcp::socket socket)
    : Connection(hub, encoding, AddressOf(socket)), door_(&door), socket_(std::move(socket)) {}

WebSocketConnection::~WebSocketConnection() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::shared_ptr<WebSocketConnection> WebSocketConnection::Self() {
  return std::static_pointer_cast<WebSocketConnection>(shared_from_this());
}

void WebSocketConnection::WaitFor(tcp::socket::wait_type ready, void (WebSocketConnection::*then)()) {
  socket_.async_wait(ready, [self = Self(), door = door_, then](boost::system::error_code error) {
    // The connection may be another shard's by now, whatever the socket said here before.
    if (!error && self->door_ == door) (self.get()->*then)();
  });
}

void WebSocketConnection::Start(absl::string_view leftover) {
  boost::system::error_code error;
  socket_.non_blocking(true, error);
  if (!leftover.empty()) Feed(leftover);
  WaitToRead();
}

// ---- Reading

void WebSocketConnection::WaitToRead() {
  if (!socket_.is_open() || moving()) return;
  const bool is_new = session() == nullptr;
  WaitFor(tcp::socket::wait_read, is_new ? &WebSocketConnection::ReadWhenIdle : &WebSocketConnection::ReadSome);
}

void WebSocketConnection::ReadWhenIdle() {
  door_->shard().WhenIdle([self = Self()] { self->ReadSome(); });
}

void WebSocketConnection::ReadSome() {
  auto& buffer = door_->read_buffer();
  for (int i = 0; i < kReadsPerTurn && socket_.is_open() && !moving(); ++i) {
    boost::system::error_code error;
    const size_t n = socket_.read_some(boost::asio::buffer(buffer), error);
    if (error == boost::asio::error::would_block) break;
    if (error) return Abort();
    Feed({buffer.data(), n});
    if (n < buffer.size()) break;
  }
  WaitToRead();
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
  if (!socket_.is_open() || waiting_to_write_) return;
  while (!outbox_.empty()) {
    if (!WriteSome()) return;
  }
  if (!close_sent_) return;
  if (peer_closed_) return Abort();
  // The client's own close, or the end of its patience, is waited for.
  boost::system::error_code error;
  socket_.shutdown(tcp::socket::shutdown_send, error);
}

bool WebSocketConnection::WriteSome() {
  const ssize_t sent = SendQueued();
  if (sent >= 0) {
    Sent(static_cast<size_t>(sent));
    return true;
  }
  if (errno == EINTR) return true;
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    WaitToWrite();
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
  return send(socket_.native_handle(), queued.data(), queued.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void WebSocketConnection::WaitToWrite() {
  waiting_to_write_ = true;
  WaitFor(tcp::socket::wait_write, &WebSocketConnection::WriteAgain);
}

void WebSocketConnection::WriteAgain() {
  waiting_to_write_ = false;
  Write();
}

// ---- Moving

void WebSocketConnection::Depart() {
  boost::system::error_code error;
  v6_ = socket_.local_endpoint(error).protocol() == tcp::v6();
  descriptor_ = socket_.release(error);
  // Who waits for the socket here is told that it is over.
  waiting_to_write_ = false;
  door_ = &door_->OnShard(next_hub().shard().index());
}

void WebSocketConnection::Arrive() {
  boost::system::error_code error;
  socket_ = tcp::socket(door_->shard().io());
  socket_.assign(v6_ ? tcp::v6() : tcp::v4(), std::exchange(descriptor_, -1), error);
  socket_.non_blocking(true, error);
  WaitToRead();
}

// ---- Closing

void WebSocketConnection::FinishClose(CloseCode code, absl::string_view reason) {
  if (!std::exchange(close_sent_, true)) outbox_.Push(Shared(CloseFrame(code, reason)));
}

void WebSocketConnection::Abort() {
  if (!socket_.is_open()) return;
  boost::system::error_code error;
  socket_.close(error);
  Closed();
}

void WebSocketConnection::Ping() { Queue(Shared({static_cast<char>(0x89), 0})); }

}  // namespace atrium
