#include "server/session/observer.h"

#include <algorithm>
#include <utility>

#include "server/common/errors.h"
#include "server/session/session.h"
#include "server/session/session_hub.h"

namespace atrium {
namespace {

absl::Status TooSlow() {
  return MakeError(absl::StatusCode::kResourceExhausted, "SLOW_CONSUMER",
                   "The send queue is full: come back with the position of the last frame");
}

}  // namespace

absl::string_view ReaderName(ReaderKind kind) {
  switch (kind) {
    case ReaderKind::kGrpc: return "grpc";
    case ReaderKind::kServerSentEvents: return "sse";
    case ReaderKind::kJsonLines: return "ndjson";
  }
  return "";
}

Observer::Observer(SessionHub& hub, ReaderKind kind, Transport& transport)
    : hub_(hub),
      kind_(kind),
      encoding_(kind == ReaderKind::kGrpc ? Encoding::kGrpc : Encoding::kWebSocketJson),
      key_(hub.NewKey()),
      transport_(&transport) {}

void Observer::Start(const Caller& caller, const v1::WatchRequest& request) {
  room_id_ = request.room_id();
  hub_.AddObserver(*this, kind_);
  if (verdict_) return;
  const ObserverIdentity self{.key = key_, .shard = &hub_.shard(), .encoding = encoding_};
  hub_.api().Watch(caller, self, request,
                   [self = shared_from_this(), shard = self.shard](absl::StatusOr<Admission> admission) mutable {
                     shard->Post([self = std::move(self), admission = std::move(admission)]() mutable {
                       self->OnAdmission(std::move(admission));
                     });
                   });
}

void Observer::OnAdmission(absl::StatusOr<Admission> admission) {
  if (!admission.ok()) return End(admission.status());
  if (transport_ == nullptr || verdict_) return hub_.api().Unwatch(room_id_, key_);
  const v1::JoinResponse& response = admission->response;
  channel_ = admission->channel;
  channel_->Add(hub_.shard().index(), key_, *this, response.room().position().offset());
  epoch_ = response.position().epoch();
  Push(MakeSnapshot(*admission, encoding_), response.position().offset());
  for (FramePtr& frame : admission->missed) {
    const uint64_t offset = frame->origin().offset;
    Push(std::move(frame), offset);
  }
  first_bytes_ = bytes_;
  WakeSoon();
}

void Observer::Send(const FramePtr& frame) {
  if (verdict_) return;
  const size_t limit = hub_.settings().send_queue_bytes;
  const size_t size = frame->bytes(encoding_).size();
  const auto too_much = [&] { return limit > 0 && bytes_ > 0 && bytes_ + size > limit + first_bytes_; };
  if (too_much()) DropVolatile();
  if (!too_much()) {
    const uint64_t offset = frame->origin().offset;
    Push(frame, offset > 0 ? absl::make_optional(offset) : absl::nullopt);
    return WakeSoon();
  }
  if (frame->is_volatile()) return hub_.CountVolatileDrops(1);
  hub_.CountSlowConsumer(SlowAction::kDisconnect);
  End(TooSlow());
}

void Observer::Push(FramePtr frame, absl::optional<uint64_t> offset) {
  bytes_ += frame->bytes(encoding_).size();
  queue_.push_back({std::move(frame), offset});
}

void Observer::DropVolatile() {
  const auto end = std::remove_if(queue_.begin(), queue_.end(), [this](const Item& item) {
    if (item.frame->is_volatile()) bytes_ -= item.frame->bytes(encoding_).size();
    return item.frame->is_volatile();
  });
  if (end != queue_.end()) hub_.CountVolatileDrops(queue_.end() - end);
  queue_.erase(end, queue_.end());
}

std::vector<Observer::Item> Observer::Take(size_t most) {
  bytes_ -= std::exchange(taken_bytes_, 0);
  size_t count = 0;
  for (; count < queue_.size(); ++count) {
    const size_t size = queue_[count].frame->bytes(encoding_).size();
    if (count > 0 && taken_bytes_ + size > most) break;
    taken_bytes_ += size;
  }
  if (count == queue_.size()) {
    first_bytes_ = 0;
    // Gives its memory away.
    return std::exchange(queue_, {});
  }
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<Item> items(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  return items;
}

void Observer::OnRemoved(const std::string& room_id, const Removal&) {
  channel_ = nullptr;
  if (verdict_) return;
  v1::ServerFrame frame;
  frame.mutable_left()->set_room_id(room_id);
  frame.mutable_left()->set_reason(v1::LEAVE_REASON_CLEANUP);
  Push(EncodeFrame(frame, encoding_), absl::nullopt);
  End(absl::OkStatus());
}

void Observer::End(absl::Status verdict) {
  if (verdict_) return;
  if (!verdict.ok()) {
    queue_ = {};
    bytes_ = taken_bytes_;
  }
  verdict_ = std::move(verdict);
  WakeSoon();
}

void Observer::Close() {
  if (std::exchange(transport_, nullptr) == nullptr) return;
  End(absl::CancelledError());
  hub_.RemoveObserver(*this, kind_);
  Leave();
}

void Observer::Leave() {
  if (channel_ == nullptr) return;
  channel_->Remove(hub_.shard().index(), key_);
  channel_ = nullptr;
  hub_.api().Unwatch(room_id_, key_);
}

void Observer::WakeSoon() {
  if (transport_ == nullptr || std::exchange(wake_soon_, true)) return;
  hub_.shard().AtTurnEnd([self = shared_from_this()] {
    self->wake_soon_ = false;
    // Not while the room sends.
    if (self->verdict_) self->Leave();
    if (self->transport_ != nullptr) self->transport_->OnReady();
  });
}

}  // namespace atrium
