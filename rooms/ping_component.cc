#include "rooms/ping_component.h"

#include <string>

#include "rooms/ping_room.h"
#include "rooms/username.h"

namespace atrium::rooms {

void PingComponent::Describe(ComponentType<PingComponent>& type) {
  type.ClientSets({"username"}).Action("ping", &PingComponent::Ping);
}

Awaitable<absl::Status> PingComponent::OnMount() {
  if (!IsUsername(state().username())) co_return InvalidUsername();
  co_return co_await Room<PingRoom>("global").Join();
}

Awaitable<absl::StatusOr<SendPingResult>> PingComponent::Ping(const SendPingRequest& request) {
  PingRequest ping;
  ping.set_seq(request.seq());
  if (request.has_timestamp()) *ping.mutable_timestamp() = request.timestamp();
  ping.set_user(state().username().empty() ? user_id() : state().username());
  const absl::StatusOr<PingResult> pinged = co_await Room<PingRoom>("global").Call<PingResult>("ping", ping);
  SendPingResult result;
  result.set_success(pinged.ok());
  if (pinged.ok()) {
    result.set_total(pinged->total());
  } else {
    result.set_error(std::string(pinged.status().message()));
  }
  co_return result;
}

}  // namespace atrium::rooms
