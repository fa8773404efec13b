#include "server/session/observer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "server/common/errors.h"
#include "server/session/behind_the_room.h"
#include "server/session/room_frames.h"
#include "server/session/session_hub.h"

namespace atrium {
namespace {

absl::Status TooSlow() {
  return MakeError(absl::StatusCode::kResourceExhausted, "SLOW_CONSUMER",
                   "The send queue is full: come back with the position of the last frame");
}

}  // namespace

Observer::Observer(SessionHub& hub, ReaderKind kind, Transport& transport)
    : hub_(hub),
      kind_(kind),
      encoding_(kind == ReaderKind::kGrpc ? Encoding::kGrpc : Encoding::kBareJson),
      key_(hub.env().keys.Next()),
      transport_(&transport) {}

void Observer::Start(const Caller& caller, const v1::WatchRequest& request) {
  room_id_ = request.room_id();
  caller_ = caller;
  if (!verdict_) Ask(request);
}

void Observer::Ask(const v1::WatchRequest& request) {
  const ObserverIdentity self{.key = key_, .site = &hub_.env().site, .encoding = encoding_};
  auto on_admission = [self = shared_from_this()](absl::StatusOr<Admission> admission) {
    self->OnAdmission(std::move(admission));
  };
  hub_.env().attendance.Watch(caller_, self, request, BehindTheRoom(hub_.shard(), std::move(on_admission)));
}

void Observer::OnAdmission(absl::StatusOr<Admission> admission) {
  if (!admission.ok()) return End(admission.status());
  if (transport_ == nullptr || verdict_) return hub_.env().attendance.Unwatch(room_id_, key_);
  const bool first = channel_ == nullptr;
  const uint64_t offset = admission->response.room().position().offset();
  channel_ = admission->channel;
  if (first) {
    channel_->Add(hub_.shard(), key_, *this, offset);
  } else {
    channel_->GoOn(hub_.shard(), key_, offset);
  }
  PushAdmission(*std::move(admission), first);
  WakeSoon();
}

void Observer::PushAdmission(Admission admission, bool with_snapshot) {
  const size_t before = bytes_;
  const v1::JoinResponse& response = admission.response;
  epoch_ = response.position().epoch();
  if (with_snapshot || !response.recovered()) {
    Push(MakeSnapshot(admission, encoding_), response.position().offset());
  }
  for (FramePtr& frame : admission.missed) {
    const uint64_t offset = frame->origin().offset;
    Push(std::move(frame), offset);
  }
  allowed_bytes_ += bytes_ - before;
}

bool Observer::Fits(size_t size) const {
  const size_t limit = hub_.settings().send_queue_bytes;
  return limit == 0 || bytes_ + size <= limit + allowed_bytes_;
}

void Observer::Send(const FramePtr& frame) {
  if (verdict_) return;
  const size_t size = frame->bytes(encoding_).size();
  if (!Fits(size)) DropVolatile();
  if (!Fits(size)) {
    if (frame->is_volatile()) return hub_.counters().CountVolatileDrops(1);
    if (has_larger_) return Pause();
    has_larger_ = true;
    allowed_bytes_ += size;
  }
  const uint64_t offset = frame->origin().offset;
  Push(frame, offset > 0 ? std::make_optional(offset) : std::nullopt);
  WakeSoon();
}

// ---- A slow reader

void Observer::Pause() {
  channel_->Pause(hub_.shard(), key_);
  if (pace_) return;
  pace_.emplace(hub_.Now());
  JudgePace();
}

void Observer::JudgePace() {
  if (!pace_ || verdict_) return;
  if (pace_->IsSlow(hub_.Now(), taken_bytes_)) {
    hub_.counters().CountSlow(SlowAction::kDisconnect);
    return End(TooSlow());
  }
  judgement_ = hub_.shard().After(absl::Seconds(1), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->JudgePace();
  });
}

void Observer::GoOn() {
  pace_.reset();
  hub_.shard().Cancel(judgement_);
  v1::WatchRequest request;
  request.set_room_id(room_id_);
  request.mutable_since()->set_epoch(epoch_);
  request.mutable_since()->set_offset(offset_);
  Ask(request);
}

void Observer::Push(FramePtr frame, std::optional<uint64_t> offset) {
  bytes_ += frame->bytes(encoding_).size();
  offset_ = offset.value_or(offset_);
  queue_.push_back({std::move(frame), offset});
}

void Observer::DropVolatile() {
  const auto end = std::remove_if(queue_.begin(), queue_.end(), [this](const Item& item) {
    if (item.frame->is_volatile()) bytes_ -= item.frame->bytes(encoding_).size();
    return item.frame->is_volatile();
  });
  if (end != queue_.end()) hub_.counters().CountVolatileDrops(queue_.end() - end);
  queue_.erase(end, queue_.end());
}

std::vector<Observer::Item> Observer::Take(size_t most) {
  if (pace_) pace_->Took(taken_bytes_);
  bytes_ -= std::exchange(taken_bytes_, 0);
  if (bytes_ == 0) {
    allowed_bytes_ = 0;
    has_larger_ = false;
  }
  if (pace_ && channel_ != nullptr && bytes_ <= hub_.settings().send_queue_bytes / 2) GoOn();
  size_t count = 0;
  for (; count < queue_.size(); ++count) {
    const size_t size = queue_[count].frame->bytes(encoding_).size();
    if (count > 0 && taken_bytes_ + size > most) break;
    taken_bytes_ += size;
  }
  // The queue gives its memory away.
  if (count == queue_.size()) return std::exchange(queue_, {});
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
  Push(EncodeFrame(frame, encoding_), std::nullopt);
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
  hub_.Remove(*this);
  Leave();
}

void Observer::Leave() {
  if (channel_ == nullptr) return;
  channel_->Remove(hub_.shard(), key_);
  channel_ = nullptr;
  hub_.env().attendance.Unwatch(room_id_, key_);
}

void Observer::WakeSoon() {
  if (transport_ == nullptr || std::exchange(wake_soon_, true)) return;
  hub_.shard().AtTurnEnd([self = shared_from_this()] {
    self->wake_soon_ = false;
    // It does not leave the channel while the room sends.
    if (self->verdict_) self->Leave();
    if (self->transport_ != nullptr) self->transport_->OnReady();
  });
}

}  // namespace atrium
