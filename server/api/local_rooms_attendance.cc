// The verbs of LocalRooms for those who come, stay, watch and go.

#include <optional>
#include <utility>

#include "server/api/answer.h"
#include "server/api/local_rooms.h"

namespace atrium {

void LocalRooms::Admit(AdmitRequest request, JoinDone done) {
  WithNewRoom(request.room_id, std::move(request.initial_state), std::move(done),
              [who = std::move(request.who), payload = std::move(request.payload), since = std::move(request.since)](
                  Room* room, JoinDone&& done) mutable {
                auto answer = [room, done = std::move(done)](absl::StatusOr<Admission> admission) mutable {
                  REFUSE_IF_ERROR(admission.status(), done);
                  Answer(*room, std::move(done), *std::move(admission));
                };
                room->Join(std::move(who), std::move(payload), std::move(since), std::move(answer));
              });
}

void LocalRooms::CatchUp(const std::string& room_id, std::vector<std::string> members, Encoding encoding,
                         std::optional<v1::Position> since, JoinDone done) {
  WithRoomIfAny(room_id, std::move(done),
                [members = std::move(members), encoding, since = std::move(since)](Room* room, JoinDone&& done) {
                  if (room == nullptr) return done(MemberNotFound(members.front()));
                  Answer(*room, std::move(done), room->CatchUp(members, encoding, since));
                });
}

void LocalRooms::SetConnected(const std::string& room_id, std::vector<std::string> members, bool connected) {
  IfThere(room_id, [members = std::move(members), connected](Room& room) { room.SetConnected(members, connected); });
}

void LocalRooms::Remove(const std::string& room_id, const std::string& member_id, v1::LeaveReason reason, bool tell) {
  IfThere(room_id, [member_id, reason, tell](Room& room) { room.Leave(member_id, reason, tell).IgnoreError(); });
}

void LocalRooms::Watch(const ObserverIdentity& observer, const v1::WatchRequest& request, JoinDone done) {
  std::optional<v1::Position> since;
  if (request.has_since()) since = request.since();
  rooms_.FindToWatch(request.room_id(), request.since().epoch(),
                     OrRefuse(std::move(done), [observer, since = std::move(since)](Room* room, JoinDone&& done) {
                       Answer(*room, std::move(done), room->Watch(observer, since));
                     }));
}

void LocalRooms::Unwatch(const std::string& room_id, SessionKey observer) {
  IfThere(room_id, [observer](Room& room) { room.Unwatch(observer); });
}

}  // namespace atrium
