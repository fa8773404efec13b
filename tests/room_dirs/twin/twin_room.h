#pragma once

#include "absl/strings/string_view.h"
#include "rooms/poll.pb.h"
#include "server/live/authoring/live_room.h"

namespace atrium::rooms {

// Has the name of another room.
class TwinRoom final : public LiveRoom<PollState, PollMeta> {
 public:
  static constexpr absl::string_view kName = "poll";
  static void Describe(RoomType<TwinRoom>&) {}
};

}  // namespace atrium::rooms
