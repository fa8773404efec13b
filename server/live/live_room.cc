#include "server/live/live_room.h"

#include "server/live/room.h"

namespace atrium {

Awaitable<absl::Status> LiveRoomBase::OnJoin(JoinContext&) { co_return absl::OkStatus(); }

void LiveRoomBase::OnLeave(const LeaveContext&) {}

const std::string& LiveRoomBase::id() const { return room_->id(); }

int LiveRoomBase::MemberCount() const { return room_->member_count(); }

absl::Time LiveRoomBase::Now() const { return room_->env_.shard.Now(); }

void LiveRoomBase::Emit(absl::string_view event, const google::protobuf::Message& data) {
  room_->staged_.push_back({std::string(event), Payload::FromText(MessageToJson(data, JsonZeros::kPrint))});
}

}  // namespace atrium
