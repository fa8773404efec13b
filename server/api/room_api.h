#pragma once

#include <string>

#include "atrium/v1/frames.pb.h"
#include "server/api/caller.h"
#include "server/api/rpc_table.h"
#include "server/api/session_directory.h"
#include "server/live/room_manager.h"

namespace atrium {

// What can be done with rooms, one verb each, whatever the door: validate, authorise, hand to the room.
//
// Requests come with their payload field beside them (wire/message_json.h). Errors are those of proto/atrium/v1/
// rooms.proto, and for clients: PERMISSION_DENIED where they are not a member, enter a typed room or emit into one;
// FAILED_PRECONDITION where they set its state.
//
// Thread safety: any thread. `done` runs once, on the room's shard, or at once when the request is refused.
class RoomApi {
 public:
  // `sessions` is used from the first Join on.
  RoomApi(RoomManager& rooms, SessionDirectory& sessions) : rooms_(rooms), sessions_(sessions) {}

  const RoomRegistry& registry() const { return rooms_.registry(); }
  const RoomSettings& settings() const { return rooms_.settings(); }

  // Lets a member of a session into a room, for a client or by server code. Called by the session.
  void Admit(const Caller& caller, MemberIdentity who, v1::JoinRequest request, JoinDone done);

  // A session goes on in a room, over another connection or because it fell behind: Room::CatchUp. NOT_FOUND if it is
  // not in the room any more. Called by the session.
  void CatchUp(const std::string& room_id, std::vector<std::string> members, Encoding encoding,
               absl::optional<v1::Position> since, JoinDone done);
  // Members of a session have lost their connection, or have one again.
  void SetConnected(const std::string& room_id, std::vector<std::string> members, bool connected);

  // A session has gone: takes a member of it out of a room, or sees to it that a pending join does not bring it in.
  // With `tell`, because it may come back, it gets a `left` frame.
  void Disconnect(const std::string& room_id, const std::string& member_id, bool tell);

  // Begins to send what is public of a room to an observer, until Unwatch or the room's end: Room::Watch. An absent
  // room is created. INVALID_ARGUMENT naming the field; else as RoomManager::FindOrCreate. Called by the observer.
  void Watch(const Caller& caller, const ObserverIdentity& observer, const v1::WatchRequest& request, JoinDone done);
  void Unwatch(const std::string& room_id, SessionKey observer);

  void Join(const Caller& caller, WithPayload<v1::JoinRequest> request, Done<v1::JoinResponse> done);
  void Leave(const Caller& caller, WithPayload<v1::LeaveRequest> request, Done<v1::LeaveResponse> done);
  void Emit(const Caller& caller, WithPayload<v1::EmitRequest> request, Done<v1::EmitResponse> done);
  void SendMessage(const Caller& caller, WithPayload<v1::SendMessageRequest> request,
                   Done<v1::SendMessageResponse> done);
  void SetState(const Caller& caller, WithPayload<v1::SetStateRequest> request, Done<v1::SetStateResponse> done);
  void GetState(const Caller& caller, WithPayload<v1::GetStateRequest> request, Done<v1::GetStateResponse> done);
  void GetHistory(const Caller& caller, WithPayload<v1::GetHistoryRequest> request, Done<v1::GetHistoryResponse> done);
  void GetRoom(const Caller& caller, WithPayload<v1::GetRoomRequest> request, Done<v1::Room> done);
  void ListRooms(const Caller& caller, WithPayload<v1::ListRoomsRequest> request, Done<v1::ListRoomsResponse> done);
  void ListMembers(const Caller& caller, WithPayload<v1::ListMembersRequest> request,
                   Done<v1::ListMembersResponse> done);
  void Call(const Caller& caller, WithPayload<v1::CallRequest> request, Done<v1::CallResponse> done);
  void UpdateRoom(const Caller& caller, WithPayload<v1::UpdateRoomRequest> request, Done<v1::Room> done);
  void DestroyRoom(const Caller& caller, WithPayload<v1::DestroyRoomRequest> request,
                   Done<v1::DestroyRoomResponse> done);
  void ListRoomTypes(const Caller& caller, WithPayload<v1::ListRoomTypesRequest> request,
                     Done<v1::ListRoomTypesResponse> done);
  void GetStats(const Caller& caller, WithPayload<v1::GetStatsRequest> request, Done<v1::GetStatsResponse> done);

  // All of these under their full names, for the REST door.
  void AddTo(RpcTable& table);

 private:
  RoomManager& rooms_;
  SessionDirectory& sessions_;
};

}  // namespace atrium
