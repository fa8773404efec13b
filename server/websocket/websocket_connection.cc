#include "server/websocket/websocket_connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "server/common/errors.h"
#include "server/session/client_address.h"
#include "server/wire/websocket_framing.h"

namespace atrium {
namespace {

// These are of RFC 6455 section 7.4.1.
constexpr uint16_t kNormalClose = 1000;
constexpr uint16_t kNoCloseCode = 1005;

std::string CloseFrame(CloseCode code, absl::string_view reason) {
  constexpr size_t kMaxReason = 123;  // RFC 6455 section 5.5: 125 with the code
  reason = reason.substr(0, kMaxReason);
  const auto number = static_cast<uint16_t>(code);
  std::string frame = {static_cast<char>(kCloseFrame), static_cast<char>(2 + reason.size()),
                       static_cast<char>(number >> 8), static_cast<char>(number & 0xff)};
  frame.append(reason.data(), reason.size());
  return frame;
}

Outbox::Bytes Shared(std::string bytes) { return std::make_shared<const std::string>(std::move(bytes)); }

absl::string_view Explain(CloseCode code) {
  switch (code) {
    case CloseCode::kMessageTooBig: return "message too large";
    case CloseCode::kPolicyViolation: return "a message of too many fragments";
    case CloseCode::kInvalidUtf8: return "a text message must be UTF-8, a compressed one DEFLATE (RFC 7692)";
    default: return "WebSocket protocol violated (RFC 6455)";
  }
}

}  // namespace

WebSocketConnection::WebSocketConnection(SessionHub& hub, WebSocketDoor& door, Encoding encoding, Socket socket)
    : Connection(hub, encoding, NormalAddress(socket.peer().address()), socket.TakePlace()),
      door_(&door),
      socket_(socket.Release()) {}

WebSocketConnection::~WebSocketConnection() {
  if (!open()) return;
  poller().Remove(socket_, *this);
  close(socket_);
}

void WebSocketConnection::Start(absl::string_view leftover) {
  if (!open()) return Closed();
  if (!leftover.empty()) unread_ = std::make_unique<Unread>(Unread{std::string(leftover), 0});
  BeginToWatch();
  Watch();
}

void WebSocketConnection::BeginToWatch() {
  if (!open() || moving()) return;
  watched_ = SocketPoller::kRead | SocketPoller::kOnce;
  if (!poller().Add(socket_, *this, watched_)) Abort();
}

void WebSocketConnection::Watch() {
  if (!open() || moving()) return;
  const bool waiting = waiting_to_read_ || paused_;
  if (unread_ != nullptr && !waiting && !std::exchange(asked_again_, true)) poller().TellAgain(*this);
  uint32_t wanted = waiting || unread_ != nullptr ? 0 : SocketPoller::kRead;
  if (waiting_to_write_) wanted |= SocketPoller::kWrite;
  // What a client sends before its hello is read when the shard has nothing else to do.
  if (wanted != 0 && session() == nullptr) wanted |= SocketPoller::kOnce;
  if (wanted == watched_) return;
  watched_ = wanted;
  poller().Set(socket_, *this, wanted);
}

void WebSocketConnection::OnReady(bool readable, bool writable) {
  const std::shared_ptr<Connection> self = shared_from_this();
  asked_again_ = false;
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
    poller().budget().BeginSocket();
    ReadSome();
    Watch();
  });
}

void WebSocketConnection::ReadSome() {
  if (!open() || moving()) return;
  if (paused_) {
    // Nothing is to be read now; this only finds out whether the client is lost.
    char unwanted;
    const ssize_t n = recv(socket_, &unwanted, sizeof(unwanted), MSG_DONTWAIT | MSG_PEEK);
    if (n < 0 && errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) Abort();
    return;
  }
  if (unread_ == nullptr) {
    ReadSocket();
  } else {
    unread_->begin += Feed(absl::string_view(unread_->bytes).substr(unread_->begin));
    if (unread_->begin == unread_->bytes.size()) unread_ = nullptr;
  }
  PauseIfOverRate();
}

void WebSocketConnection::ReadSocket() {
  auto& buffer = door_->read_buffer();
  const ssize_t n = recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) return;
  if (n <= 0) return Abort();
  const absl::string_view bytes(buffer.data(), static_cast<size_t>(n));
  const size_t read = Feed(bytes);
  if (read < bytes.size()) unread_ = std::make_unique<Unread>(Unread{std::string(bytes.substr(read)), 0});
}

size_t WebSocketConnection::Feed(absl::string_view bytes) {
  if (deaf_) {
    poller().budget().Spend(static_cast<int64_t>(bytes.size()));
    return bytes.size();
  }
  Heard();
  if (parser_ == nullptr) parser_ = door_->TakeParser();
  // The inflater is that of the shard that this is on now, whoever had the parser before.
  parser_->set_inflater(IsDeflated(encoding()) ? &door_->inflater() : nullptr);
  FrameParser::Outcome outcome = parser_->Feed(bytes, *this);
  switch (outcome.state) {
    case FrameParser::State::kOpen:
      if (!outcome.answer.empty() && !close_sent_) Queue(Shared(std::move(outcome.answer)));
      if (parser_->began()) half_read_since_ = hub().Now();
      if (parser_->idle()) door_->GiveBack(std::move(parser_));
      return outcome.read;
    case FrameParser::State::kPeerClosed:
      deaf_ = true;
      peer_closed_ = true;
      if (!std::exchange(close_sent_, true)) outbox_.Push(Shared(std::move(outcome.answer)));
      PeerLeft(/*said_goodbye=*/outcome.close_code == kNormalClose || outcome.close_code == kNoCloseCode);
      WriteSoon();
      break;
    case FrameParser::State::kViolation: {
      deaf_ = true;
      const auto code = static_cast<CloseCode>(outcome.close_code);
      Close(code, Explain(code));
    }
  }
  return bytes.size();
}

bool WebSocketConnection::OnMessage(bool text, absl::string_view message) {
  const bool json = FormOf(encoding()) == Form::kJson;
  if (!CountMessage(message.size())) {
    if (!closing()) Refuse(json ? ReadJsonFrameId(message) : ReadProtoFrameId(message));
  } else if (text == json) {
    OnRequest(json ? DecodeJsonFrame(message) : DecodeProtoFrame(message));
  } else {
    ClientRequest request;
    request.status = InvalidField("frame", json ? "atrium.v1.json wants text messages, not binary ones"
                                                : "atrium.v1.proto wants binary messages, not text");
    OnRequest(std::move(request));
  }
  return MayGoOn(message.size());
}

bool WebSocketConnection::OnOtherFrame() {
  CountFrame();
  return MayGoOn(/*bytes=*/0);
}

bool WebSocketConnection::MayGoOn(size_t bytes) {
  const auto work = static_cast<int64_t>(bytes) + TurnBudget::kPerMessage;
  return poller().budget().Spend(work) && MayRead();
}

void WebSocketConnection::PauseIfOverRate() {
  if (!open() || !MustPause()) return;
  paused_ = true;
  hub().shard().After(ReadPause(), [this, weak = weak_from_this()] {
    const std::shared_ptr<Connection> self = weak.lock();
    if (self == nullptr) return;
    paused_ = false;
    Watch();
  });
}

SteadyTime WebSocketConnection::HalfReadSince() const {
  const bool client_is_to_go_on = parser_ != nullptr && unread_ == nullptr && !paused_;
  return client_is_to_go_on ? half_read_since_ : SteadyTime::InfiniteFuture();
}

// ---- Writing

void WebSocketConnection::Write() {
  if (!open() || waiting_to_write_) return;
  while (!outbox_.empty()) {
    if (!WriteSome()) return;
  }
  if (!close_sent_) return;
  if (peer_closed_) return Abort();
  // What is waited for now is the client's own close, or the close deadline.
  shutdown(socket_, SHUT_WR);
}

void WebSocketConnection::TryToWrite() {
  if (std::exchange(waiting_to_write_, false)) Write();
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
  asked_again_ = false;
  door_ = &door_->OnShard(next_hub().shard().index());
}

void WebSocketConnection::Arrive() {
  BeginToWatch();
  Watch();
}

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

bool WebSocketConnection::Ping() { return Queue(Shared({static_cast<char>(kPingFrame), 0})); }

size_t WebSocketConnection::UntakenBytes() const { return open() ? UnacknowledgedBytes(socket_) : 0; }

}  // namespace atrium
