#include "server/session/connection.h"

#include <utility>

#include "server/common/prefetch.h"
#include "server/session/session_hub.h"

namespace atrium {
namespace {

// How long a client may take to read its goodbye.
constexpr absl::Duration kCloseGrace = absl::Seconds(2);

// Whether the client is not to come back.
bool EndsSession(CloseCode code) { return code == CloseCode::kShutdown || code == CloseCode::kDisconnected; }

}  // namespace

Connection::Connection(SessionHub& hub, Encoding encoding, std::string address)
    : hub_(&hub), last_heard_(hub.shard().Now()), encoding_(encoding), address_(std::move(address)) {}

// ---- Queue

FramePtr Connection::Fit(const FramePtr& frame) const {
  if (IsDeflated(encoding_) && frame->deflated() != nullptr && frame->deflated()->has(encoding_)) {
    SessionCounters& counters = hub_->counters();
    counters.deflated_from_bytes.Add(static_cast<int64_t>(frame->bytes(encoding_).size()));
    counters.deflated_to_bytes.Add(static_cast<int64_t>(frame->deflated()->bytes(encoding_).size()));
    return frame->deflated();
  }
  // A room may not know yet that the client has come back over another transport.
  return frame->has(encoding_) ? frame : Reencode(*frame, encoding_);
}

void Connection::Send(const FramePtr& frame) {
  if (closing_ || overflowed_) return;
  const FramePtr fit = Fit(frame);
  if (!MakeRoom(fit->bytes(encoding_).size(), fit)) return;
  outbox_.Push(fit, encoding_);
  WriteSoon();
}

void Connection::SendMissed(const FramePtr& frame) {
  if (closing_ || overflowed_) return;
  const FramePtr fit = Fit(frame);
  outbox_.Push(fit, encoding_, /*counts=*/false);
  WriteSoon();
}

void Connection::Queue(Outbox::Bytes bytes) {
  if (overflowed_ || !MakeRoom(bytes->size(), nullptr)) return;
  outbox_.Push(std::move(bytes));
  WriteSoon();
}

bool Connection::HasRoom() {
  const size_t limit = hub_->settings().send_queue_bytes;
  if (limit == 0 || outbox_.bytes() <= limit / 2) return true;
  Settle();
  return outbox_.bytes() <= limit / 2;
}

bool Connection::MakeRoom(size_t size, const FramePtr& frame) {
  const size_t limit = hub_->settings().send_queue_bytes;
  const auto too_much = [&] {
    const size_t waiting = outbox_.bytes() - outbox_.uncounted_bytes();
    return limit > 0 && waiting > 0 && waiting + size > limit;
  };
  if (!too_much()) return true;
  Settle();
  if (!too_much()) return true;
  size_t volatiles = outbox_.DropVolatile();
  const bool drop_it = too_much() && frame != nullptr && frame->is_volatile();
  if (drop_it) ++volatiles;
  if (volatiles > 0) hub_->CountVolatileDrops(volatiles);
  if (drop_it) return false;
  while (too_much()) {
    const uint64_t room = session_ == nullptr ? 0 : session_->Coalesce(outbox_, frame.get());
    if (room == 0) {
      Overflow(frame);
      return false;
    }
    hub_->CountSlowConsumer(SlowAction::kCoalesce);
    WriteSoon();
    if (frame != nullptr && frame->origin().replaceable() && frame->origin().room == room) return false;
  }
  return true;
}

void Connection::Overflow(const FramePtr& frame) {
  overflowed_ = true;
  hub_->CountSlowConsumer(SlowAction::kDisconnect);
  if (session_ != nullptr) session_->Detach(frame);
  WriteSoon();
}

void Connection::Sent(size_t bytes) {
  outbox_.Sent(bytes);
  if (session_ != nullptr && HasRoom()) session_->OnRoomInQueue();
}

void Connection::WriteSoon() {
  if (std::exchange(write_soon_, true)) return;
  hub_->AtTurnEnd(shared_from_this());
}

void Connection::AtTurnEnd() {
  write_soon_ = false;
  if (overflowed_ && !closing_) {
    outbox_.DropUnbegun();
    Close(CloseCode::kSlowConsumer, "slow consumer: the send queue is full");
  }
  Write();
  if (session_ != nullptr && HasRoom()) session_->OnRoomInQueue();
  if (!moving() || closing_) return;
  Depart();
  // From here on it is the other shard's.
  SessionHub& from = *hub_;
  hub_ = move_to_;
  from.HandOver(shared_from_this());
}

void Connection::MoveTo(SessionHub& to, ClientRequest hello) {
  move_to_ = &to;
  held_.push_back(std::move(hello));
  WriteSoon();
}

void Connection::GoOn() {
  move_to_ = nullptr;
  Arrive();
  for (ClientRequest& request : std::exchange(held_, {})) OnRequest(std::move(request));
  if (!outbox_.empty()) WriteSoon();
}

// ---- Life

void Connection::Close(CloseCode code, absl::string_view reason) {
  if (closing_) return;
  v1::ServerFrame frame;
  v1::Goodbye& goodbye = *frame.mutable_goodbye();
  goodbye.set_code(static_cast<uint32_t>(code));
  goodbye.set_reason(std::string(reason));
  hub_->ReleaseSessionOf(*this, EndsSession(code));
  outbox_.Push(EncodeFrame(frame, encoding_), encoding_);
  closing_ = true;
  close_deadline_ = hub_->shard().Now() + kCloseGrace;
  hub_->CountClose(code);
  FinishClose(code, reason);
  WriteSoon();
}

void Connection::Tick(absl::Time now) {
  Settle();
  const SessionSettings& settings = hub_->settings();
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

void Connection::PrefetchSession() const { Prefetch(session_); }

void Connection::OnRequest(ClientRequest request) {
  if (closing_ || overflowed_) return;
  if (moving()) {
    held_.push_back(std::move(request));
  } else {
    hub_->OnRequest(*this, std::move(request));
  }
}

// Before its hello a client has one deadline, whatever it sends.
void Connection::Heard() {
  if (session_ == nullptr) return;
  last_heard_ = hub_->shard().Now();
  pinged_ = false;
}

void Connection::PeerLeft(bool said_goodbye) {
  hub_->ReleaseSessionOf(*this, said_goodbye);
  closing_ = true;
  close_deadline_ = hub_->shard().Now() + kCloseGrace;
}

void Connection::Closed() {
  hub_->ReleaseSessionOf(*this, /*ends=*/false);
  closing_ = true;
  hub_->Remove(*this);
}

}  // namespace atrium
