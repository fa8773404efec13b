#include "server/live/live_room.h"

#include <utility>

#include "server/common/errors.h"
#include "server/live/typed_room.h"

namespace atrium {

absl::Status JoinContext::ReadPayload(google::protobuf::Message& message) const {
  if (payload.empty()) return absl::OkStatus();
  const json::value value = payload.ToJsonValue();
  if (!value.is_object()) return InvalidField("payload", "must be a JSON object");
  return PrefixField("payload", MessageFromJson(value, message));
}

Awaitable<absl::Status> LiveRoomBase::OnCreate() { co_return absl::OkStatus(); }

Awaitable<absl::Status> LiveRoomBase::OnLoad() { co_return absl::OkStatus(); }

Awaitable<absl::Status> LiveRoomBase::OnJoin(JoinContext&) { co_return absl::OkStatus(); }

void LiveRoomBase::OnLeave(LeaveContext&) {}

absl::Status LiveRoomBase::OnEvent(const EventContext&) { return absl::OkStatus(); }

Awaitable<bool> LiveRoomBase::OnDestroy() { co_return true; }

const std::string& LiveRoomBase::id() const { return room_->sink_.room_id(); }

int LiveRoomBase::MemberCount() const { return room_->sink_.member_count(); }

std::vector<MemberInfo> LiveRoomBase::Members() const { return room_->sink_.MemberInfos(); }

absl::Time LiveRoomBase::Now() const { return room_->shard_.Now(); }

void LiveRoomBase::Emit(absl::string_view event, const google::protobuf::Message& data, EmitOptions options) {
  room_->staged_.push_back({.event = std::string(event),
                            .data = Payload::FromText(MessageToJson(data, JsonZeros::kPrint)),
                            .options = std::move(options)});
}

void LiveRoomBase::SetMetadata(const json::object& keys) {
  for (const auto& [key, value] : keys) room_->staged_metadata_.insert_or_assign(key, value);
}

Awaitable<absl::Status> LiveRoomBase::OffloadWork(absl::AnyInvocable<void()> work) {
  return room_->Offload(std::move(work));
}

Awaitable<void> LiveRoomBase::WatchRooms(std::function<void(const RoomListChange&)> on_change) {
  return room_->WatchRooms(std::move(on_change));
}

void LiveRoomBase::EmitBinary(absl::string_view event, std::string bytes, EmitOptions options) {
  room_->staged_.push_back({.event = std::string(event), .binary = std::move(bytes), .options = std::move(options)});
}

Shard::TimerId LiveRoomBase::After(absl::Duration delay, std::function<void()> task) {
  return room_->StartTimer(delay, std::move(task), /*repeat=*/false);
}

Shard::TimerId LiveRoomBase::Every(absl::Duration interval, std::function<void()> task) {
  return room_->StartTimer(interval, std::move(task), /*repeat=*/true);
}

void LiveRoomBase::CancelTimer(Shard::TimerId timer) { room_->timers_.Get().cancelled.push_back(timer); }

}  // namespace atrium
