#pragma once

#include <string>

#include "atrium/v1/frames.pb.h"
#include "server/api/authorizer.h"
#include "server/api/caller.h"
#include "server/api/room_verbs.h"
#include "server/api/rpc_table.h"
#include "server/api/session_directory.h"
#include "server/api/verb_table.h"
#include "server/live/manager/room_manager.h"

namespace atrium {

// What can be done with rooms, one verb each, whatever the door. A verb validates its request and hands it to the room,
// wherever that lives. Whether the caller may is decided before, by RunVerb.
//
// Requests come with their payload field beside them (wire/message_json.h). Errors are those of proto/atrium/v1/
// rooms.proto, and those of RoomVerbs.
//
// Thread safety: any thread may call it. `done` runs once: on the room's shard, for Join on the session's, for
// ListRooms and GetStats on any; or at once when nothing has to be asked, or the request is refused.
class RoomApi {
 public:
  // `rooms` knows the types, and all rooms; one room is asked through `verbs`. `sessions` is used from the first Join
  // on.
  RoomApi(const Authorizer& authorizer, RoomManager& rooms, RoomVerbs& verbs, SessionDirectory& sessions)
      : authorizer_(authorizer), rooms_(rooms), verbs_(verbs), sessions_(sessions) {}

  // Returns the authorizer that RunVerb asks before each verb.
  const Authorizer& authorizer() const { return authorizer_; }

  const RoomRegistry& registry() const { return rooms_.registry(); }
  const RoomSettings& settings() const { return rooms_.settings(); }

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

 private:
  const Authorizer& authorizer_;
  RoomManager& rooms_;
  RoomVerbs& verbs_;
  SessionDirectory& sessions_;
};

// RoomService, in full: the doors serve what is in here.
inline constexpr VerbTable kRoomVerbs{
    "atrium.v1.RoomService",
    VerbRow{Verb::kJoin, "Join", &RoomApi::Join},
    VerbRow{Verb::kLeave, "Leave", &RoomApi::Leave},
    VerbRow{Verb::kEmit, "Emit", &RoomApi::Emit},
    VerbRow{Verb::kSendMessage, "SendMessage", &RoomApi::SendMessage},
    VerbRow{Verb::kSetState, "SetState", &RoomApi::SetState},
    VerbRow{Verb::kGetState, "GetState", &RoomApi::GetState},
    VerbRow{Verb::kGetHistory, "GetHistory", &RoomApi::GetHistory},
    // Its readers have queues, as sessions have: server/session serves it.
    StreamRow{Verb::kWatch, "Watch"},
    VerbRow{Verb::kGetRoom, "GetRoom", &RoomApi::GetRoom},
    VerbRow{Verb::kListRooms, "ListRooms", &RoomApi::ListRooms},
    VerbRow{Verb::kListMembers, "ListMembers", &RoomApi::ListMembers},
    VerbRow{Verb::kCall, "Call", &RoomApi::Call},
    VerbRow{Verb::kUpdateRoom, "UpdateRoom", &RoomApi::UpdateRoom},
    VerbRow{Verb::kDestroyRoom, "DestroyRoom", &RoomApi::DestroyRoom},
    VerbRow{Verb::kListRoomTypes, "ListRoomTypes", &RoomApi::ListRoomTypes},
    VerbRow{Verb::kGetStats, "GetStats", &RoomApi::GetStats},
};

}  // namespace atrium
