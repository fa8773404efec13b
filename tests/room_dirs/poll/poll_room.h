#pragma once

#include "absl/strings/string_view.h"
#include "rooms/poll.pb.h"
#include "server/live/authoring/live_room.h"

namespace atrium::rooms {

class PollRoom final : public LiveRoom<PollState, PollMeta> {
 public:
  static constexpr absl::string_view kName = "poll";
  static void Describe(RoomType<PollRoom>& type);

  absl::StatusOr<PollState> Vote(const VoteRequest& request, const CallContext& call);
};

}  // namespace atrium::rooms
