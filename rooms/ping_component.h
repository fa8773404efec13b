#pragma once

#include "absl/strings/string_view.h"
#include "rooms/ping.pb.h"
#include "server/live/authoring/live_component.h"

namespace atrium::rooms {

// Pings in `ping:global`, whose pongs its client gets as that room's events.
class PingComponent final : public LiveComponent<PingPongState> {
 public:
  static constexpr absl::string_view kName = "LivePingPong";
  static void Describe(ComponentType<PingComponent>& type);

  Awaitable<absl::Status> OnMount() override;

  // "ping"
  Awaitable<absl::StatusOr<SendPingResult>> Ping(const SendPingRequest& request);
};

}  // namespace atrium::rooms
