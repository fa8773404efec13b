#pragma once

#include <string>

#include "atrium/v1/resources.pb.h"
#include "server/common/session_key.h"
#include "server/live/authoring/hooks.h"
#include "server/wire/frames.h"

namespace atrium {

// A member has left a room.
struct Removal {
  // This is the key of the component that was the member; 0 if it was the session itself.
  SessionKey component = 0;
  std::string member_id;
  v1::LeaveReason reason = v1::LEAVE_REASON_UNSPECIFIED;
  // This frame tells the client; it is null if the session has asked for the removal itself.
  FramePtr left;
};

// A session as rooms see it. It lives on its own shard.
class Subscriber {
 public:
  virtual ~Subscriber() = default;

  // Queues a frame. It must not remove the subscriber from any channel before it returns.
  virtual void Send(const FramePtr& frame) = 0;

  // Says that the room has let go of one of this session's members; if it was the last, nothing of the room follows.
  virtual void OnRemoved(const std::string& room_id, const Removal& removal) = 0;
};

// A component as rooms see it, beside the session that it belongs to. It lives on its session's shard.
class Listener {
 public:
  virtual ~Listener() = default;
  // Tells it an event. It must not remove the listener from any channel before it returns.
  virtual void OnRoomEvent(const std::string& room_id, const HeardEvent& event) = 0;
};

}  // namespace atrium
