#include "server/live/authoring/room_handle.h"

namespace atrium {

bool RoomHandle::joined() const { return component_->IsIn(room_id_); }

Awaitable<absl::Status> RoomHandle::Join() { return component_->Join(room_id_, {}); }

Awaitable<absl::Status> RoomHandle::Join(const google::protobuf::Message& payload) {
  return component_->Join(room_id_, ToPayload(payload));
}

Awaitable<absl::Status> RoomHandle::Leave() { return component_->Leave(room_id_); }

Awaitable<absl::StatusOr<Payload>> RoomHandle::CallJson(std::string method, Payload args, std::string idempotency_key) {
  return component_->CallRoom(room_id_, std::move(method), std::move(args), std::move(idempotency_key));
}

Awaitable<absl::StatusOr<int>> RoomHandle::Emit(absl::string_view event, const google::protobuf::Message& data,
                                                HandleEmitOptions options) {
  return component_->Emit(room_id_, std::string(event), ToPayload(data), options);
}

Subscription RoomHandle::On(absl::string_view event, Subscription::Handler handler) {
  return component_->On(room_id_, std::string(event), std::move(handler));
}

Awaitable<absl::StatusOr<Payload>> RoomHandle::StateJson() { return component_->GetRoomState(room_id_); }

}  // namespace atrium
