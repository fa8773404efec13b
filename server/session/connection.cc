#include "server/session/connection.h"

#include <utility>

#include "server/common/errors.h"
#include "server/common/prefetch.h"
#include "server/session/session.h"
#include "server/session/session_hub.h"
#include "server/wire/rpc_status.h"

namespace atrium {
namespace {

// A client may take so long to read its goodbye.
constexpr absl::Duration kCloseGrace = absl::Seconds(2);

// So many frames that are no messages count as one message.
constexpr uint8_t kFramesPerMessage = 64;

// So much may wait for a client while memory is scarce, in bytes.
constexpr size_t kShortQueueBytes = size_t{64} * 1024;

// So many requests wait for the queue of a client to be within its bound.
constexpr size_t kMostHeld = 256;

absl::Status AsksFasterThanItReads() {
  return MakeError(absl::StatusCode::kResourceExhausted, "RATE_LIMITED", "Requests come faster than answers are read");
}

// Whether the client is not to come back.
bool EndsSession(CloseCode code) { return code == CloseCode::kShutdown || code == CloseCode::kDisconnected; }

}  // namespace

Connection::Connection(SessionHub& hub, Encoding encoding, std::string address, Socket::Place place)
    : hub_(&hub), encoding_(encoding), address_(std::move(address)), place_(std::move(place)) {}

void Connection::Present(std::string token) {
  if (!token.empty()) token_ = std::make_unique<const std::string>(std::move(token));
}

std::string Connection::TakeToken() {
  const std::unique_ptr<const std::string> token = std::move(token_);
  return token == nullptr ? "" : *token;
}

void Connection::OnAdded() { waiting_since_ = hub_->Now(); }

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
  switch (PlaceFor(fit->bytes(encoding_).size(), fit.get())) {
    case Place::kQueue: outbox_.Push(fit, encoding_); break;
    case Place::kBeside: outbox_.PushLarger(fit, encoding_); break;
    case Place::kBeyond: outbox_.Push(fit, encoding_, /*counts=*/false); break;
    case Place::kNowhere: return;
  }
  WriteSoon();
}

void Connection::SendMissed(const FramePtr& frame) {
  if (closing_ || overflowed_) return;
  const FramePtr fit = Fit(frame);
  outbox_.Push(fit, encoding_, /*counts=*/false);
  WriteSoon();
}

bool Connection::Queue(Outbox::Bytes bytes) {
  if (overflowed_ || PlaceFor(bytes->size(), nullptr) != Place::kQueue) return false;
  outbox_.Push(std::move(bytes));
  WriteSoon();
  return true;
}

bool Connection::HasRoom() {
  const size_t limit = hub_->settings().send_queue_bytes;
  if (limit == 0 || outbox_.bytes() <= limit / 2) return true;
  Settle();
  return outbox_.bytes() <= limit / 2;
}

bool Connection::Fits(size_t size) const {
  const size_t limit = hub_->settings().send_queue_bytes;
  return limit == 0 || outbox_.bytes() - outbox_.uncounted_bytes() + size <= limit;
}

bool Connection::Takes(const Payload& state) {
  const size_t size = state.empty() ? 0 : state.Json().size();
  if (Fits(size) || !outbox_.has_larger()) return true;
  Settle();
  if (Fits(size) || !outbox_.has_larger()) return true;
  PassBound();
  return false;
}

Connection::Place Connection::MakeRoom(size_t size, const Frame* frame) {
  Settle();
  if (Fits(size)) return Place::kQueue;
  size_t volatiles = outbox_.DropVolatile();
  const bool drop_it = !Fits(size) && frame != nullptr && frame->is_volatile();
  if (drop_it) ++volatiles;
  if (volatiles > 0) hub_->counters().CountVolatileDrops(volatiles);
  if (drop_it) return Place::kNowhere;
  // A frame that is larger than the queue does not fit in, whatever is dropped.
  const bool may_fit = size <= hub_->settings().send_queue_bytes ||
                       (outbox_.has_larger() && frame != nullptr && frame->origin().replaceable());
  while (may_fit && !Fits(size)) {
    const uint64_t room = session_ == nullptr ? 0 : session_->gaps().Coalesce(outbox_, frame);
    if (room == 0) break;
    hub_->counters().CountSlow(SlowAction::kCoalesce);
    WriteSoon();
    if (frame != nullptr && frame->origin().replaceable() && frame->origin().room == room) return Place::kNowhere;
  }
  if (Fits(size)) return Place::kQueue;
  if (frame != nullptr && !outbox_.has_larger()) return Place::kBeside;
  PassBound();
  if (frame == nullptr || (session_ != nullptr && session_->gaps().PutOff(frame->origin()))) return Place::kNowhere;
  return Place::kBeyond;
}

void Connection::PassBound() {
  if (pace_ == nullptr) pace_ = std::make_unique<ReadingPace>(hub_->Now());
}

void Connection::ComeWithinBound() {
  pace_ = nullptr;
  if (session_ != nullptr) session_->OnQueueWithinBound();
  for (ClientRequest& request : std::exchange(held_, {})) OnRequest(std::move(request));
}

void Connection::JudgePace(SteadyTime now) {
  TryToWrite();
  if (closing_ || HasRoom() || !pace_->IsSlow(now, outbox_.taken_bytes())) return;
  GiveUp();
}

void Connection::ShortenQueue() {
  if (outbox_.bytes() <= kShortQueueBytes) return;
  TryToWrite();
  Settle();
  if (const size_t volatiles = outbox_.DropVolatile(); volatiles > 0) hub_->counters().CountVolatileDrops(volatiles);
  while (outbox_.bytes() > kShortQueueBytes && session_ != nullptr &&
         session_->gaps().Coalesce(outbox_, nullptr) != 0) {
    hub_->counters().CountSlow(SlowAction::kCoalesce);
  }
  if (outbox_.bytes() > kShortQueueBytes) return GiveUp();
  WriteSoon();
}

void Connection::GiveUp() {
  pace_ = nullptr;
  held_.clear();
  overflowed_ = true;
  hub_->counters().CountSlow(SlowAction::kDisconnect);
  if (session_ != nullptr) session_->Detach();
  WriteSoon();
}

void Connection::Sent(size_t bytes) {
  outbox_.Sent(bytes);
  if (pong_ != nullptr) pong_->Wrote(bytes, hub_->Now());
  if (pace_ != nullptr) {
    pace_->Took(bytes);
    // This is not done here, where a room may be sending.
    if (HasRoom()) WriteSoon();
  } else if (session_ != nullptr && HasRoom()) {
    session_->OnRoomInQueue();
  }
}

void Connection::WriteSoon() {
  if (std::exchange(write_soon_, true)) return;
  hub_->WriteAtTurnEnd(shared_from_this());
}

void Connection::AtTurnEnd() {
  write_soon_ = false;
  if (overflowed_ && !closing_) {
    outbox_.DropUnbegun();
    Close(CloseCode::kSlowConsumer, "slow consumer: the send queue is full");
  }
  Write();
  if (pace_ != nullptr && HasRoom()) ComeWithinBound();
  if (session_ != nullptr && pace_ == nullptr && HasRoom()) session_->OnRoomInQueue();
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
  close_deadline_ = hub_->Now() + kCloseGrace;
  hub_->counters().CountClose(code);
  FinishClose(code, reason);
  WriteSoon();
}

void Connection::Tick(SteadyTime now) {
  Settle();
  if (pace_ != nullptr) JudgePace(now);
  if (hub_->memory_is_scarce() && !closing_ && !overflowed_) ShortenQueue();
  if (overflowed_ && !closing_) return;
  if (session_ != nullptr && !closing_) session_->TellOfExpiry();
  const SessionSettings& settings = hub_->settings();
  if (closing_) {
    if (now >= close_deadline_) Abort();
  } else if (now - HalfReadSince() >= settings.message_timeout) {
    Close(CloseCode::kPolicyViolation, "a message did not come in as a whole in time");
  } else if (session_ == nullptr) {
    if (now - waiting_since_ >= settings.hello_timeout) Close(CloseCode::kNoHello, "no hello in time");
  } else if (session_->TokenHasExpired()) {
    Close(CloseCode::kTokenExpired, "the token has expired");
  } else if (pong_ != nullptr) {
    if (PongIsOverdue(now)) Close(CloseCode::kNoPong, "no pong in time");
  } else if (now - waiting_since_ >= settings.ping_interval && Ping()) {
    pong_ = std::make_unique<PongWait>(now, outbox_.bytes(), UntakenBytes());
  }
}

// What the client has taken is asked only when its time seems over.
bool Connection::PongIsOverdue(SteadyTime now) {
  const absl::Duration allowed = hub_->settings().pong_timeout;
  if (!pong_->IsOver(now, allowed)) return false;
  pong_->Took(now, UntakenBytes());
  return pong_->IsOver(now, allowed);
}

void Connection::PrefetchSession() const { Prefetch(session_); }

bool Connection::CountMessage(size_t bytes) {
  if (closing_) return false;
  if (session_ != nullptr) {
    const RateLimiter::Verdict verdict = session_->rate().Take(hub_->shard().Steady(), bytes);
    if (verdict == RateLimiter::Verdict::kClose) {
      Close(CloseCode::kPolicyViolation, "too many requests for too long");
    }
    return verdict == RateLimiter::Verdict::kPass;
  }
  const size_t messages = 1 + bytes / RateLimiter::kBytesPerToken;
  if (messages > before_hello_) {
    Close(CloseCode::kPolicyViolation, "too much before the hello");
    return false;
  }
  before_hello_ -= static_cast<uint8_t>(messages);
  return true;
}

void Connection::CountFrame() {
  if (++frames_ < kFramesPerMessage) return;
  frames_ = 0;
  CountMessage(0);
}

bool Connection::MustPause() const { return session_ != nullptr && !closing_ && session_->rate().MustPause(); }

absl::Duration Connection::ReadPause() const { return MustPause() ? session_->rate().Pause() : absl::ZeroDuration(); }

void Connection::Refuse(uint32_t id) {
  if (closing_ || overflowed_) return;
  // It is made once, because whoever is refused has cost enough.
  static const google::rpc::Status& error = *new google::rpc::Status(
      ToRpcStatus(MakeError(absl::StatusCode::kResourceExhausted, "RATE_LIMITED", "Rate limit exceeded")));
  hub_->counters().requests[static_cast<int>(encoding_)].Add(1);
  SendError(id, error);
}

void Connection::SendError(uint32_t id, const absl::Status& error) { SendError(id, ToRpcStatus(error)); }

void Connection::SendError(uint32_t id, const google::rpc::Status& error) {
  hub_->counters().errors[error.code()].Add(1);
  v1::ServerFrame frame;
  v1::Reply& reply = *frame.mutable_reply();
  reply.set_id(id);
  *reply.mutable_error() = error;
  Send(EncodeFrame(frame, encoding_));
}

void Connection::OnRequest(ClientRequest request) {
  if (closing_ || overflowed_) return;
  if (!moving() && pace_ == nullptr) return hub_->OnRequest(*this, std::move(request));
  if (held_.size() < kMostHeld || moving()) return held_.push_back(std::move(request));
  SendError(request.id, AsksFasterThanItReads());
}

// Before its hello a client has one deadline, whatever it sends.
void Connection::Heard() {
  if (session_ == nullptr) return;
  waiting_since_ = hub_->Now();
  pong_ = nullptr;
}

void Connection::PeerLeft(bool said_goodbye) {
  hub_->ReleaseSessionOf(*this, said_goodbye);
  closing_ = true;
  close_deadline_ = hub_->Now() + kCloseGrace;
}

void Connection::Closed() {
  hub_->ReleaseSessionOf(*this, /*ends=*/false);
  closing_ = true;
  hub_->Remove(*this);
}

}  // namespace atrium
