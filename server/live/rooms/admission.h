#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "atrium/v1/frames.pb.h"
#include "server/live/rooms/channel.h"
#include "server/live/rooms/member.h"
#include "server/wire/frames.h"
#include "server/wire/payload.h"

namespace atrium {

// What a joiner, an observer or who comes back is told: the state, or the frames that it missed, and where the room's
// frames come from.
struct Admission {
  // Its `state` is not set but beside it.
  v1::JoinResponse response;
  Payload state;
  // If the response says `recovered`, these are the frames, in the encoding of who asked.
  std::vector<FramePtr> missed;
  std::shared_ptr<Channel> channel;
  // Whether it was a member before, so that nothing has changed.
  bool again = false;
  // Whether it is the first member of its session in this room: then the session adds itself to the channel.
  bool first_of_session = false;
};
using JoinDone = absl::AnyInvocable<void(absl::StatusOr<Admission>)>;

// A join on its way into a room.
struct JoinAttempt {
  MemberIdentity who;
  Payload payload;
  std::optional<v1::Position> since;
  JoinDone done;
};

}  // namespace atrium
