#include "server/live/authoring/live_component.h"

namespace atrium {

Awaitable<absl::Status> LiveComponentBase::OnMount() { co_return absl::OkStatus(); }

void LiveComponentBase::OnUnmount(v1::LeaveReason) {}

void LiveComponentBase::OnRemoved(const std::string&, v1::LeaveReason) {}

const std::string& LiveComponentBase::id() const { return context_->self().id; }

const std::string& LiveComponentBase::user_id() const { return context_->self().user_id; }

absl::Time LiveComponentBase::Now() const { return context_->Now(); }

RoomHandle LiveComponentBase::Room(absl::string_view id) { return RoomHandle(*context_, std::string(id)); }

RoomHandle LiveComponentBase::DefaultRoom() { return RoomHandle(*context_, context_->default_room()); }

Awaitable<absl::Status> LiveComponentBase::JoinDefaultRoom(std::string room_id) {
  return context_->JoinDefaultRoom(std::move(room_id));
}

std::vector<std::string> LiveComponentBase::rooms() const { return context_->rooms(); }

void LiveComponentBase::SendBinary(std::string bytes, bool is_volatile) {
  context_->SendBinary(std::move(bytes), is_volatile);
}

}  // namespace atrium
