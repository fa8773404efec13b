#include "rooms/counter_room.h"

#include <cstdint>

#include "server/common/errors.h"

namespace atrium::rooms {

void CounterRoom::Describe(RoomType<CounterRoom>& type) {
  type.Method("increment", &CounterRoom::Increment, Access::kMember)
      .Method("decrement", &CounterRoom::Decrement, Access::kMember)
      .Method("reset", &CounterRoom::Reset, Access::kMember)
      .Event<CounterUpdate>("counter:updated")
      .Event<CounterPresence>("presence:changed");
}

Awaitable<absl::Status> CounterRoom::OnJoin(JoinContext&) {
  SetOnline(MemberCount() + 1);
  co_return absl::OkStatus();
}

void CounterRoom::OnLeave(LeaveContext&) { SetOnline(MemberCount() - 1); }

void CounterRoom::SetOnline(int members) {
  Mutate([&](CounterState& state) { state.set_online_count(members); });
  CounterPresence presence;
  presence.set_online_count(members);
  Emit("presence:changed", presence);
}

absl::StatusOr<CounterUpdate> CounterRoom::Increment(const CounterRequest& request, const CallContext& call) {
  return Set(int64_t{state().count()} + 1, request, call);
}

absl::StatusOr<CounterUpdate> CounterRoom::Decrement(const CounterRequest& request, const CallContext& call) {
  return Set(int64_t{state().count()} - 1, request, call);
}

absl::StatusOr<CounterUpdate> CounterRoom::Reset(const CounterRequest& request, const CallContext& call) {
  return Set(0, request, call);
}

absl::StatusOr<CounterUpdate> CounterRoom::Set(int64_t count, const CounterRequest& request, const CallContext& call) {
  if (count != static_cast<int32_t>(count)) {
    return MakeError(absl::StatusCode::kOutOfRange, "COUNTER_OUT_OF_RANGE", "The counter goes no further");
  }
  CounterUpdate update;
  update.set_count(static_cast<int32_t>(count));
  update.set_updated_by(call.from_client ? call.member->user_id : request.username());
  Mutate([&](CounterState& state) {
    state.set_count(update.count());
    state.set_last_updated_by(update.updated_by());
  });
  Emit("counter:updated", update);
  return update;
}

}  // namespace atrium::rooms
