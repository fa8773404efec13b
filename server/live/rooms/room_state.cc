#include "server/live/rooms/room_state.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/common/status_macros.h"
#include "server/live/rooms/room_errors.h"
#include "server/live/rooms/state_limits.h"
#include "server/wire/merge.h"

namespace atrium {

RoomState::RoomState(json::object state, RoomBehaviour* behaviour) {
  if (behaviour == nullptr) {
    size_ = SizeOf(state);
    form_ = std::move(state);
  } else {
    form_ = Typed{behaviour};
    size_ = SizeOfJson(Get().Json());
  }
}

const Payload& RoomState::Get() {
  if (payload_.empty()) {
    const json::object* const untyped = std::get_if<json::object>(&form_);
    payload_ = untyped != nullptr ? Payload::FromJson(*untyped) : std::get_if<Typed>(&form_)->behaviour->StateJson();
  }
  return payload_;
}

absl::Status RoomState::CheckExpected(uint64_t expected, absl::string_view epoch, uint64_t offset) const {
  if (patch_offset_ > expected) return StateChanged(patch_offset_);
  if (expected > offset) return OffsetNotReached(expected, absl::StrCat(epoch, ":", offset));
  return absl::OkStatus();
}

absl::StatusOr<StateChange> RoomState::Merge(const json::object& merge, size_t max_json_bytes) {
  json::object& state = *std::get_if<json::object>(&form_);
  StateChange change = ChangeFromMerge(state, merge);
  RETURN_IF_ERROR(Count(change, max_json_bytes));
  if (!change.patch.empty()) atrium::Merge(state, merge);
  return change;
}

absl::Status RoomState::Count(const StateChange& change, size_t max_json_bytes) {
  RETURN_IF_ERROR(CheckStateChange(change, size_, max_json_bytes, "Room"));
  if (!change.patch.empty()) size_ += change.growth;
  return absl::OkStatus();
}

void RoomState::Fold(Shard& shard, absl::Duration interval, Shard::Task flush) {
  Shard::TimerId& timer = std::get_if<Typed>(&form_)->flush;
  if (timer == 0) timer = shard.After(interval, std::move(flush));
}

StateChange RoomState::TakeFolded(Shard& shard) {
  CancelFolding(shard);
  return std::get_if<Typed>(&form_)->behaviour->FlushState();
}

void RoomState::CancelFolding(Shard& shard) {
  if (folding()) shard.Cancel(std::exchange(std::get_if<Typed>(&form_)->flush, 0));
}

void RoomState::Publish(StateChange& change) {
  payload_ = {};
  change.Bound(size_, [this] { return Get().Json(); });
}

void RoomState::Store(RoomSnapshot& snapshot) const {
  snapshot.set_patch_offset(patch_offset_);
  snapshot.set_state(std::get_if<Typed>(&form_)->behaviour->StateBytes());
}

}  // namespace atrium
