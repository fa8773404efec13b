#include "server/live/live_component.h"

#include "server/live/component_runtime.h"

namespace atrium {

Awaitable<absl::Status> LiveComponentBase::OnMount() { co_return absl::OkStatus(); }

void LiveComponentBase::OnUnmount(v1::LeaveReason) {}

void LiveComponentBase::OnRemoved(const std::string&, v1::LeaveReason) {}

const std::string& LiveComponentBase::id() const { return runtime_->self_.id; }

const std::string& LiveComponentBase::user_id() const { return runtime_->self_.user_id; }

absl::Time LiveComponentBase::Now() const { return runtime_->env_.shard.Now(); }

RoomHandle LiveComponentBase::Room(absl::string_view id) { return RoomHandle(*runtime_, std::string(id)); }

RoomHandle LiveComponentBase::DefaultRoom() { return RoomHandle(*runtime_, runtime_->default_room_); }

Awaitable<absl::Status> LiveComponentBase::JoinDefaultRoom(std::string room_id) {
  return runtime_->JoinDefaultRoom(std::move(room_id));
}

std::vector<std::string> LiveComponentBase::rooms() const {
  std::vector<std::string> joined;
  for (const auto& [id, link] : runtime_->links_) {
    if (link.joined) joined.push_back(id);
  }
  return joined;
}

void LiveComponentBase::SendBinary(std::string bytes, bool is_volatile) {
  runtime_->staged_.emplace_back(std::move(bytes), is_volatile);
}

}  // namespace atrium
