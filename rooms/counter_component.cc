#include "rooms/counter_component.h"

#include <string>

#include "rooms/counter_room.h"
#include "rooms/username.h"

namespace atrium::rooms {

void CounterComponent::Describe(ComponentType<CounterComponent>& type) {
  type.ClientSets({"username"})
      .Action("increment", &CounterComponent::Increment)
      .Action("decrement", &CounterComponent::Decrement)
      .Action("reset", &CounterComponent::Reset);
}

Awaitable<absl::Status> CounterComponent::OnMount() {
  if (!IsUsername(state().username())) co_return InvalidUsername();
  co_return co_await Room<CounterRoom>("global").Join();
}

Awaitable<absl::StatusOr<CountResult>> CounterComponent::Increment(const CountRequest&) { return Count("increment"); }

Awaitable<absl::StatusOr<CountResult>> CounterComponent::Decrement(const CountRequest&) { return Count("decrement"); }

Awaitable<absl::StatusOr<CountResult>> CounterComponent::Reset(const CountRequest&) { return Count("reset"); }

Awaitable<absl::StatusOr<CountResult>> CounterComponent::Count(absl::string_view method) {
  CounterRequest request;
  request.set_username(state().username().empty() ? user_id() : state().username());
  const absl::StatusOr<CounterUpdate> update =
      co_await Room<CounterRoom>("global").Call<CounterUpdate>(method, request);
  CountResult result;
  result.set_success(update.ok());
  if (update.ok()) {
    result.set_count(update->count());
  } else {
    result.set_error(std::string(update.status().message()));
  }
  co_return result;
}

}  // namespace atrium::rooms
