#include "server/live/authoring/live_room.h"

#include <utility>

#include "server/common/errors.h"
#include "server/live/authoring/room_context.h"

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

Awaitable<void> LiveRoomBase::OnLeaveAsync(LeaveContext&) { co_return; }

absl::Status LiveRoomBase::OnEvent(const EventContext&) { return absl::OkStatus(); }

Awaitable<absl::Status> LiveRoomBase::OnEventAsync(const EventContext&) { co_return absl::OkStatus(); }

Awaitable<bool> LiveRoomBase::OnDestroy() { co_return true; }

void LiveRoomBase::Attach(RoomContext& room, bool folding) {
  room_ = &room;
  tracker().set_folding(folding);
}

const std::string& LiveRoomBase::id() const { return room_->id(); }

int LiveRoomBase::MemberCount() const { return room_->MemberCount(); }

std::vector<MemberInfo> LiveRoomBase::Members() const { return room_->Members(); }

absl::Time LiveRoomBase::Now() const { return room_->shard().Now(); }

SteadyTime LiveRoomBase::Steady() const { return room_->shard().Steady(); }

void LiveRoomBase::Emit(absl::string_view event, const google::protobuf::Message& data, EmitOptions options) {
  room_->Emit({.event = std::string(event),
               .data = Payload::FromText(MessageToJson(data, JsonZeros::kPrint)),
               .options = std::move(options)});
}

void LiveRoomBase::SetMetadata(const json::object& keys) { room_->SetMetadata(keys); }

Awaitable<absl::Status> LiveRoomBase::OffloadWork(absl::AnyInvocable<void()> work, std::optional<Share> share) {
  return room_->Offload(std::move(work), share ? *std::move(share) : Share{.address = id()});
}

Awaitable<void> LiveRoomBase::Delay(absl::Duration delay) { return room_->Delay(delay); }

Awaitable<absl::Status> LiveRoomBase::Turn(std::shared_ptr<Turns> turns, Share share) {
  return room_->Turn(std::move(turns), std::move(share));
}

Awaitable<void> LiveRoomBase::WatchRooms(std::function<void(const RoomListChange&)> on_change) {
  return room_->WatchRooms(std::move(on_change));
}

void LiveRoomBase::EmitBinary(absl::string_view event, std::string bytes, EmitOptions options) {
  room_->Emit({.event = std::string(event), .binary = std::move(bytes), .options = std::move(options)});
}

Shard::TimerId LiveRoomBase::After(absl::Duration delay, std::function<void()> task) {
  return room_->StartTimer(delay, std::move(task), /*repeat=*/false);
}

Shard::TimerId LiveRoomBase::Every(absl::Duration interval, std::function<void()> task) {
  return room_->StartTimer(interval, std::move(task), /*repeat=*/true);
}

void LiveRoomBase::CancelTimer(Shard::TimerId timer) { room_->CancelTimer(timer); }

}  // namespace atrium
