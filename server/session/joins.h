#pragma once

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "server/api/attendance.h"
#include "server/live/rooms/channel.h"

namespace atrium {

class Gaps;
class SessionCore;

// Brings the members of one session into rooms, and tells the client of the states that they find there. Runs on the
// session's shard.
class Joins {
 public:
  // The session as its joins know it: rooms send to it, and it hears of members that have come in.
  class Owner : public Subscriber {
   public:
    // The room has admitted a member, which is named by the key of its component. It comes before the outcome of the
    // join.
    virtual void OnJoined(SessionKey component, const std::string& room_id, Channel& channel) = 0;
  };

  Joins(SessionCore& core, Gaps& gaps, Owner& owner) : core_(core), gaps_(gaps), owner_(owner) {}

  // Asks the room to let `who`, a member of this session, in. `told` gets the outcome on this shard, later, before any
  // frame of the room. It is RESOURCE_EXHAUSTED if the session is in too many rooms, and NOT_FOUND if the session has
  // ended meanwhile; else as Attendance::Admit says.
  void Join(const Caller& caller, MemberIdentity who, v1::JoinRequest request, JoinDone told) {
    Ask(caller, std::move(who), std::move(request), Chooser::kClient, std::move(told));
  }

  // Who has chosen the room: the client, whose grants count there, or server code.
  enum class Chooser { kClient, kServerCode };

  // Does the same by server code: the client is told by a `snapshot` frame.
  void Bring(const Caller& caller, MemberIdentity who, v1::JoinRequest request, Chooser chooser, JoinDone told);

  // Takes a member out of a room whose grant is gone: the client is told.
  void Revoke(const std::string& room_id, const std::string& member_id);

  // Sends the room's state as a `snapshot`; if the queue has no room for it, the room gets a gap.
  void SendSnapshot(const Admission& admission);
  // Sends a frame that is made of an admission, and has the room go on from its state where it has a gap.
  void SendState(const FramePtr& frame, const v1::JoinResponse& joined);

 private:
  // What an admission is for. The room knows the session by this encoding.
  struct Newcomer {
    std::string room_id;
    std::string member_id;
    SessionKey component;
    Encoding encoding;
    Chooser chooser;
  };
  void Ask(const Caller& caller, MemberIdentity who, v1::JoinRequest request, Chooser chooser, JoinDone told);
  void OnAdmission(const Newcomer& newcomer, absl::StatusOr<Admission> admission, JoinDone told);

  SessionCore& core_;
  Gaps& gaps_;
  Owner& owner_;
};

}  // namespace atrium
