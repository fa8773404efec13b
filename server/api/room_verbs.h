#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "atrium/v1/frames.pb.h"
#include "server/api/caller.h"
#include "server/api/rpc_table.h"
#include "server/live/rooms/admission.h"
#include "server/live/rooms/member.h"
#include "server/live/rooms/room_update.h"

namespace atrium {

// A join whose fields have been read.
struct AdmitRequest {
  std::string room_id;
  // The info is set already.
  MemberIdentity who;
  // This is for an untyped room that does not exist yet.
  json::object initial_state;
  Payload payload;
  std::optional<v1::Position> since;
};

// A page of a room's history.
struct HistoryRequest {
  std::string room_id;
  // The position that the first page was asked for with, if any: the next page's token is for the same.
  std::optional<v1::Position> since;
  // The page begins behind this position, or with the first frame that is kept.
  std::optional<v1::Position> start;
  size_t page_size = 0;
};

// What rooms do for those who ask, wherever the rooms live. The request alone has been looked at already: its fields
// are valid, and the caller may ask that of a room of this type. What depends on the room and its members is decided
// here.
//
// Errors are those of proto/atrium/v1/rooms.proto, PERMISSION_DENIED for a client that is not a member, and those of
// RoomManager::Find.
//
// Thread safety: any thread may call it. `done` runs once, on the room's shard, or at once when the request is refused.
// It and requests come by reference, because every emit passes here; what they hold is taken.
class RoomVerbs {
 public:
  virtual ~RoomVerbs() = default;

  // `request.member_id` is set. The member is told, unless it is a client that leaves by itself.
  virtual void Leave(const Caller& caller, WithPayload<v1::LeaveRequest>&& request, Done<v1::LeaveResponse>&& done) = 0;
  virtual void Emit(const Caller& caller, WithPayload<v1::EmitRequest>&& request, Done<v1::EmitResponse>&& done) = 0;
  virtual void SendMessage(const Caller& caller, WithPayload<v1::SendMessageRequest>&& request,
                           Done<v1::SendMessageResponse>&& done) = 0;
  // `merge` is the payload of `request`.
  virtual void SetState(const Caller& caller, WithPayload<v1::SetStateRequest>&& request, json::object&& merge,
                        Done<v1::SetStateResponse>&& done) = 0;
  virtual void GetState(const Caller& caller, const std::string& room_id, Done<v1::GetStateResponse>&& done) = 0;
  // `args` are the payload of `request`.
  virtual void Call(const Caller& caller, WithPayload<v1::CallRequest>&& request, json::object&& args,
                    Done<v1::CallResponse>&& done) = 0;
  // Gives `page_size` frames, or as many as fit on a page.
  virtual void GetHistory(HistoryRequest request, Done<v1::GetHistoryResponse>&& done) = 0;
  virtual void GetRoom(const std::string& room_id, Done<v1::Room>&& done) = 0;
  // Gives the members with the least ids after `after`, in their order.
  virtual void ListMembers(const std::string& room_id, std::string after, size_t page_size,
                           Done<v1::ListMembersResponse>&& done) = 0;
  virtual void UpdateRoom(const std::string& room_id, RoomUpdate update, Done<v1::Room>&& done) = 0;
  virtual void DestroyRoom(const std::string& room_id, Done<v1::DestroyRoomResponse>&& done) = 0;

  // ---- Attendance (api/attendance.h)

  virtual void Admit(AdmitRequest request, JoinDone done) = 0;
  virtual void CatchUp(const std::string& room_id, std::vector<std::string> members, Encoding encoding,
                       std::optional<v1::Position> since, JoinDone done) = 0;
  virtual void SetConnected(const std::string& room_id, std::vector<std::string> members, bool connected) = 0;
  virtual void Remove(const std::string& room_id, const std::string& member_id, v1::LeaveReason reason, bool tell) = 0;
  virtual void Watch(const ObserverIdentity& observer, const v1::WatchRequest& request, JoinDone done) = 0;
  virtual void Unwatch(const std::string& room_id, SessionKey observer) = 0;
};

}  // namespace atrium
