#include "server/session/connection.h"

#include <utility>

#include "server/session/session_hub.h"

namespace atrium {
namespace {

// How long a client may take to read its goodbye.
constexpr absl::Duration kCloseGrace = absl::Seconds(2);

}  // namespace

Connection::Connection(SessionHub& hub, Encoding encoding, std::string address)
    : hub_(hub), encoding_(encoding), address_(std::move(address)), last_heard_(hub.shard().Now()) {}

void Connection::Send(const FramePtr& frame) {
  if (!closing_) Queue(Outbox::Bytes(frame, &frame->bytes(encoding_)), frame->is_volatile());
}

void Connection::Queue(Outbox::Bytes bytes, bool is_volatile) {
  if (overflowed_) return;
  const size_t limit = hub_.settings().send_queue_bytes;
  const auto too_much = [&] { return limit > 0 && !outbox_.empty() && outbox_.bytes() + bytes->size() > limit; };
  if (too_much()) {
    if (const size_t dropped = outbox_.DropVolatile()) hub_.CountVolatileDrops(dropped);
  }
  if (too_much()) {
    if (is_volatile) return hub_.CountVolatileDrops(1);
    // Closing ends the session, which a room may be in the middle of sending to: so later.
    overflowed_ = true;
  } else {
    outbox_.Push(std::move(bytes), is_volatile);
  }
  WriteSoon();
}

void Connection::WriteSoon() {
  if (std::exchange(write_soon_, true)) return;
  hub_.AtTurnEnd(shared_from_this());
}

void Connection::AtTurnEnd() {
  write_soon_ = false;
  if (overflowed_ && !closing_) {
    outbox_.DropUnbegun();
    hub_.CountSlowConsumer(SlowAction::kDisconnect);
    Close(CloseCode::kSlowConsumer, "slow consumer: the send queue is full");
  }
  Write();
}

void Connection::Close(CloseCode code, absl::string_view reason) {
  if (closing_) return;
  v1::ServerFrame frame;
  v1::Goodbye& goodbye = *frame.mutable_goodbye();
  goodbye.set_code(static_cast<uint32_t>(code));
  goodbye.set_reason(std::string(reason));
  // The owner keeps the frame while the outbox refers to its bytes.
  const FramePtr encoded = EncodeFrame(frame, encoding_);
  outbox_.Push(Outbox::Bytes(encoded, &encoded->bytes(encoding_)));
  closing_ = true;
  close_deadline_ = hub_.shard().Now() + kCloseGrace;
  hub_.CountClose(code);
  hub_.EndSessionOf(*this);
  FinishClose(code, reason);
  WriteSoon();
}

void Connection::Tick(absl::Time now) {
  const SessionSettings& settings = hub_.settings();
  if (closing_) {
    if (now >= close_deadline_) Abort();
  } else if (session_ == nullptr) {
    if (now - last_heard_ >= settings.hello_timeout) Close(CloseCode::kNoHello, "no hello in time");
  } else if (pinged_ && now - last_heard_ >= settings.ping_interval + settings.pong_timeout) {
    Close(CloseCode::kNoPong, "no pong in time");
  } else if (!pinged_ && now - last_heard_ >= settings.ping_interval) {
    pinged_ = true;
    Ping();
  }
}

void Connection::OnRequest(ClientRequest request) {
  if (!closing_) hub_.OnRequest(*this, std::move(request));
}

// Before its hello a client has one deadline, whatever it sends.
void Connection::Heard() {
  if (session_ == nullptr) return;
  last_heard_ = hub_.shard().Now();
  pinged_ = false;
}

void Connection::PeerLeft() {
  closing_ = true;
  close_deadline_ = hub_.shard().Now() + kCloseGrace;
  hub_.EndSessionOf(*this);
}

void Connection::Closed() {
  closing_ = true;
  hub_.EndSessionOf(*this);
  hub_.Remove(*this);
}

}  // namespace atrium
