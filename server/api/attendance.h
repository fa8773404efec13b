#pragma once

#include <optional>
#include <string>
#include <vector>

#include "atrium/v1/frames.pb.h"
#include "server/api/caller.h"
#include "server/api/room_verbs.h"

namespace atrium {

class Authorizer;

// What sessions and observers ask of rooms to be in them: the verbs Join and Watch, and what belongs to these.
//
// Thread safety: any thread may call it. `done` runs once, on the room's shard, or at once when the request is refused.
class Attendance {
 public:
  Attendance(const Authorizer& authorizer, RoomVerbs& rooms) : authorizer_(authorizer), rooms_(rooms) {}

  // Lets a member of a session into a room, for a client or by server code. The info of `who` is that of its token,
  // which one in the request replaces. Errors are those of Authorizer for Join,
  // INVALID_ARGUMENT naming the field, and those of RoomManager::FindOrCreate and Room::Join.
  void Admit(const Caller& caller, MemberIdentity who, const v1::JoinRequest& request, JoinDone done);

  // Has a session go on in a room, over another connection or because it fell behind (Room::CatchUp). NOT_FOUND if it
  // is not in the room any more.
  void CatchUp(const std::string& room_id, std::vector<std::string> members, Encoding encoding,
               std::optional<v1::Position> since, JoinDone done);
  // Says that members of a session have lost their connection, or have one again.
  void SetConnected(const std::string& room_id, std::vector<std::string> members, bool connected);

  // Takes a member of a session that has gone out of a room, or sees to it that a pending join does not bring it in.
  // With `tell`, because the session may come back, it gets a `left` frame.
  void Remove(const std::string& room_id, const std::string& member_id, v1::LeaveReason reason, bool tell);

  // Begins to send what is public of a room to an observer, until Unwatch or the room's end (Room::Watch). An absent
  // room is created. Errors are those of Authorizer for Watch, INVALID_ARGUMENT naming the field, and those of
  // RoomManager::FindToWatch.
  void Watch(const Caller& caller, const ObserverIdentity& observer, const v1::WatchRequest& request, JoinDone done);
  void Unwatch(const std::string& room_id, SessionKey observer);

 private:
  const Authorizer& authorizer_;
  RoomVerbs& rooms_;
};

}  // namespace atrium
