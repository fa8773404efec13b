#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/api/refuse.h"
#include "server/api/room_verbs.h"
#include "server/live/manager/room_manager.h"
#include "server/live/rooms/room_errors.h"

namespace atrium {

// The rooms of this process. Any thread may call it, as RoomVerbs says.
class LocalRooms final : public RoomVerbs {
 public:
  explicit LocalRooms(RoomManager& rooms) : rooms_(rooms) {}

  void Leave(const Caller& caller, WithPayload<v1::LeaveRequest>&& request, Done<v1::LeaveResponse>&& done) override;
  void Emit(const Caller& caller, WithPayload<v1::EmitRequest>&& request, Done<v1::EmitResponse>&& done) override;
  void SendMessage(const Caller& caller, WithPayload<v1::SendMessageRequest>&& request,
                   Done<v1::SendMessageResponse>&& done) override;
  void SetState(const Caller& caller, WithPayload<v1::SetStateRequest>&& request, json::object&& merge,
                Done<v1::SetStateResponse>&& done) override;
  void GetState(const Caller& caller, const std::string& room_id, Done<v1::GetStateResponse>&& done) override;
  void Call(const Caller& caller, WithPayload<v1::CallRequest>&& request, json::object&& args,
            Done<v1::CallResponse>&& done) override;
  void GetHistory(HistoryRequest request, Done<v1::GetHistoryResponse>&& done) override;
  void GetRoom(const std::string& room_id, Done<v1::Room>&& done) override;
  void ListMembers(const std::string& room_id, std::string after, size_t page_size,
                   Done<v1::ListMembersResponse>&& done) override;
  void UpdateRoom(const std::string& room_id, RoomUpdate update, Done<v1::Room>&& done) override;
  void DestroyRoom(const std::string& room_id, Done<v1::DestroyRoomResponse>&& done) override;

  void Admit(AdmitRequest request, JoinDone done) override;
  void CatchUp(const std::string& room_id, std::vector<std::string> members, Encoding encoding,
               std::optional<v1::Position> since, JoinDone done) override;
  void SetConnected(const std::string& room_id, std::vector<std::string> members, bool connected) override;
  void Remove(const std::string& room_id, const std::string& member_id, v1::LeaveReason reason, bool tell) override;
  void Watch(const ObserverIdentity& observer, const v1::WatchRequest& request, JoinDone done) override;
  void Unwatch(const std::string& room_id, SessionKey observer) override;

 private:
  // Returns what RoomManager is to call with a room: it runs `use(room, done)`, or `done` with why the room cannot be
  // used.
  template <typename Done, typename Use>
  static auto OrRefuse(Done&& done, Use&& use) {
    return [done = std::forward<Done>(done), use = std::forward<Use>(use)](absl::StatusOr<Room*> found) mutable {
      REFUSE_IF_ERROR(found.status(), done);
      use(*found, std::move(done));
    };
  }

  // Runs `use(room, done)` on the room's shard, with null if there is no such room.
  template <typename Done, typename Use>
  void WithRoomIfAny(std::string room_id, Done&& done, Use&& use) {
    rooms_.Find(std::move(room_id), OrRefuse(std::forward<Done>(done), std::forward<Use>(use)));
  }

  // Does the same with a room that is created if there is none.
  template <typename Done, typename Use>
  void WithNewRoom(std::string room_id, json::object initial_state, Done&& done, Use&& use) {
    rooms_.FindOrCreate(std::move(room_id), std::move(initial_state),
                        OrRefuse(std::forward<Done>(done), std::forward<Use>(use)));
  }

  // Does the same with a room that must be there; NOT_FOUND if it is not.
  template <typename Done, typename Use>
  void WithRoom(const std::string& room_id, Done&& done, Use&& use) {
    WithRoomIfAny(room_id, std::forward<Done>(done),
                  [room_id, use = std::forward<Use>(use)](Room* room, auto&& done) mutable {
                    if (room == nullptr) return done(RoomNotFound(room_id));
                    use(*room, std::forward<decltype(done)>(done));
                  });
  }

  // Runs `use(room)` if there is such a room.
  template <typename Use>
  void IfThere(const std::string& room_id, Use&& use) {
    rooms_.Find(room_id, [use = std::forward<Use>(use)](absl::StatusOr<Room*> room) mutable {
      if (room.ok() && *room != nullptr) use(**room);
    });
  }

  RoomManager& rooms_;
};

}  // namespace atrium
