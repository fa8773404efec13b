#include "poll_room.h"

#include <string>

#include "server/common/errors.h"

namespace atrium::rooms {

void PollRoom::Describe(RoomType<PollRoom>& type) {
  type.options().max_members = 500;
  type.Method("vote", &PollRoom::Vote, Access::kMember).Event<PollState>("poll:voted");
}

absl::StatusOr<PollState> PollRoom::Vote(const VoteRequest& request, const CallContext& call) {
  const std::string voter = call.member ? call.member->user_id : request.voter();
  if (voter.empty()) return InvalidField("voter", "must not be empty");
  if (meta().votes().contains(voter)) return MakeError(absl::StatusCode::kAlreadyExists, "VOTED", "You have voted");
  MutateMeta([&](PollMeta& meta) { (*meta.mutable_votes())[voter] = request.yes(); });
  Mutate([&](PollState& state) { request.yes() ? state.set_yes(state.yes() + 1) : state.set_no(state.no() + 1); });
  Emit("poll:voted", state());
  return state();
}

}  // namespace atrium::rooms
