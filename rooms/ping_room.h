#pragma once

#include "absl/strings/string_view.h"
#include "rooms/ping.pb.h"
#include "server/live/authoring/live_room.h"

namespace atrium::rooms {

// Answers each ping with a pong to all members.
class PingRoom final : public LiveRoom<PingState, PingMeta> {
 public:
  static constexpr absl::string_view kName = "ping";
  static void Describe(RoomType<PingRoom>& type);

  Awaitable<absl::Status> OnJoin(JoinContext& join) override;
  void OnLeave(LeaveContext& leave) override;

  // "ping": counts it and sends event `pong`, which is volatile.
  absl::StatusOr<PingResult> Ping(const PingRequest& request, const CallContext& call);
};

}  // namespace atrium::rooms
