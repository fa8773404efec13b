#include "rooms/ping_room.h"

namespace atrium::rooms {

void PingRoom::Describe(RoomType<PingRoom>& type) {
  type.Method("ping", &PingRoom::Ping, Access::kMember).Event<Pong>("pong");
}

Awaitable<absl::Status> PingRoom::OnJoin(JoinContext&) {
  Mutate([&](PingState& state) { state.set_online_count(MemberCount() + 1); });
  co_return absl::OkStatus();
}

void PingRoom::OnLeave(LeaveContext&) {
  Mutate([&](PingState& state) { state.set_online_count(MemberCount() - 1); });
}

absl::StatusOr<PingResult> PingRoom::Ping(const PingRequest& request, const CallContext& call) {
  const std::string from = call.from_client ? call.member->user_id : request.user();
  Mutate([&](PingState& state) {
    state.set_total_pings(state.total_pings() + 1);
    state.set_last_ping_by(from);
  });
  Pong pong;
  pong.set_from(from);
  pong.set_seq(request.seq());
  if (request.has_timestamp()) *pong.mutable_timestamp() = request.timestamp();
  *pong.mutable_server_time() = ToTimestamp(call.time);
  Emit("pong", pong, {.is_volatile = true});
  PingResult result;
  result.set_total(state().total_pings());
  return result;
}

}  // namespace atrium::rooms
