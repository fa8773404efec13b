#pragma once

#include "absl/strings/string_view.h"
#include "rooms/counter.pb.h"
#include "server/live/authoring/live_component.h"

namespace atrium::rooms {

// Counts in `counter:global`, whose number and members its client sees as that room's frames.
class CounterComponent final : public LiveComponent<SharedCounterState> {
 public:
  static constexpr absl::string_view kName = "LiveSharedCounter";
  static void Describe(ComponentType<CounterComponent>& type);

  Awaitable<absl::Status> OnMount() override;

  // These are "increment", "decrement" and "reset". Where the number goes no further, `success` is false.
  Awaitable<absl::StatusOr<CountResult>> Increment(const CountRequest& request);
  Awaitable<absl::StatusOr<CountResult>> Decrement(const CountRequest& request);
  Awaitable<absl::StatusOr<CountResult>> Reset(const CountRequest& request);

 private:
  Awaitable<absl::StatusOr<CountResult>> Count(absl::string_view method);
};

}  // namespace atrium::rooms
