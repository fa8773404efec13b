#include "server/live/room_handle.h"

#include <algorithm>

#include "server/live/component_runtime.h"

namespace atrium {

bool RoomHandle::joined() const {
  const auto it = runtime_->links_.find(room_id_);
  return it != runtime_->links_.end() && it->second.joined;
}

Awaitable<absl::Status> RoomHandle::Join() { return runtime_->Join(room_id_, {}); }

Awaitable<absl::Status> RoomHandle::Join(const google::protobuf::Message& payload) {
  return runtime_->Join(room_id_, ToPayload(payload));
}

Awaitable<absl::Status> RoomHandle::Leave() { return runtime_->Leave(room_id_); }

Awaitable<absl::StatusOr<Payload>> RoomHandle::CallJson(std::string method, Payload args, std::string idempotency_key) {
  return runtime_->CallRoom(room_id_, std::move(method), std::move(args), std::move(idempotency_key));
}

Awaitable<absl::StatusOr<int>> RoomHandle::Emit(absl::string_view event, const google::protobuf::Message& data,
                                                HandleEmitOptions options) {
  return runtime_->Emit(room_id_, std::string(event), ToPayload(data), options);
}

Subscription RoomHandle::On(absl::string_view event, Subscription::Handler handler) {
  auto& handlers = runtime_->links_[room_id_].handlers;
  // Those that were cancelled.
  handlers.erase(
      std::remove_if(handlers.begin(), handlers.end(), [](const auto& entry) { return *entry.handler == nullptr; }),
      handlers.end());
  handlers.push_back({std::string(event), std::make_shared<Subscription::Handler>(std::move(handler))});
  return Subscription(handlers.back().handler);
}

Awaitable<absl::StatusOr<Payload>> RoomHandle::StateJson() { return runtime_->GetRoomState(room_id_); }

}  // namespace atrium
