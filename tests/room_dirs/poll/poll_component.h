#pragma once

#include "absl/strings/string_view.h"
#include "poll_room.h"
#include "server/live/authoring/live_component.h"

namespace atrium::rooms {

class PollComponent final : public LiveComponent<VoterState> {  // the user's own state; its client has a copy
 public:
  static constexpr absl::string_view kName = "Poll";
  static void Describe(ComponentType<PollComponent>& type) {
    type.Action("vote", &PollComponent::Vote);  // nothing else is the client's to call
  }

  Awaitable<absl::Status> OnMount() override { co_return co_await Room<PollRoom>("lunch").Join(); }

  Awaitable<absl::StatusOr<PollState>> Vote(const VoteRequest& request) {
    absl::StatusOr<PollState> result = co_await Room<PollRoom>("lunch").Call<PollState>("vote", request);
    if (result.ok()) Mutate([](VoterState& state) { state.set_voted(true); });
    co_return result;
  }
};

}  // namespace atrium::rooms
