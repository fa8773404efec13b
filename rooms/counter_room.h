#pragma once

#include "absl/strings/string_view.h"
#include "rooms/counter.pb.h"
#include "server/live/authoring/live_room.h"

namespace atrium::rooms {

// One number that its members count up and down, and how many of them are there.
class CounterRoom final : public LiveRoom<CounterState, CounterMeta> {
 public:
  static constexpr absl::string_view kName = "counter";
  static void Describe(RoomType<CounterRoom>& type);

  Awaitable<absl::Status> OnJoin(JoinContext& join) override;
  void OnLeave(LeaveContext& leave) override;

  // These are "increment", "decrement" and "reset". OUT_OF_RANGE where the number would not be an int32 any more.
  absl::StatusOr<CounterUpdate> Increment(const CounterRequest& request, const CallContext& call);
  absl::StatusOr<CounterUpdate> Decrement(const CounterRequest& request, const CallContext& call);
  absl::StatusOr<CounterUpdate> Reset(const CounterRequest& request, const CallContext& call);

 private:
  absl::StatusOr<CounterUpdate> Set(int64_t count, const CounterRequest& request, const CallContext& call);
  void SetOnline(int members);
};

}  // namespace atrium::rooms
