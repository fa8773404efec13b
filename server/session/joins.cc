#include "server/session/joins.h"

#include <utility>
#include <vector>

#include "server/common/errors.h"
#include "server/live/shards/on_shard.h"
#include "server/session/behind_the_room.h"
#include "server/session/connection.h"
#include "server/session/gaps.h"
#include "server/session/room_frames.h"
#include "server/session/session_core.h"

namespace atrium {
namespace {

absl::Status SessionEnded() {
  return MakeError(absl::StatusCode::kNotFound, "SESSION_NOT_FOUND", "The session has ended");
}

}  // namespace

void Joins::Ask(const Caller& caller, MemberIdentity who, v1::JoinRequest request, Chooser chooser, JoinDone told) {
  SessionEnv& env = core_.env();
  Newcomer newcomer{.room_id = request.room_id(),
                    .member_id = who.id,
                    .component = who.component,
                    .encoding = who.encoding,
                    .chooser = chooser};
  absl::Status refusal = core_.seats().Reserve(newcomer.room_id, newcomer.component, env.settings.max_rooms);
  if (!refusal.ok()) {
    return env.shard.Post(
        [refusal = std::move(refusal), told = std::move(told)]() mutable { told(std::move(refusal)); });
  }
  auto on_admission = [this, &env, key = core_.key(), newcomer = std::move(newcomer),
                       told = std::move(told)](absl::StatusOr<Admission> admission) mutable {
    // A session that is gone was taken out of the room by its End.
    if (!env.sessions.Reach(key)) return told(SessionEnded());
    OnAdmission(newcomer, std::move(admission), std::move(told));
  };
  env.attendance.Admit(caller, std::move(who), request, BehindTheRoom(env.shard, std::move(on_admission)));
}

void Joins::OnAdmission(const Newcomer& newcomer, absl::StatusOr<Admission> admission, JoinDone told) {
  const std::string& room_id = newcomer.room_id;
  const bool granted = newcomer.chooser == Chooser::kClient;
  if (!admission.ok() || admission->again) {
    if (admission.ok() && !granted) core_.seats().MarkBrought(room_id, newcomer.component);
    core_.seats().Unchanged(room_id, newcomer.component);
    return told(std::move(admission));
  }
  Channel& channel = *admission->channel;
  const v1::Position position = admission->response.room().position();
  const bool first_of_session = admission->first_of_session;
  core_.seats().Admitted(room_id, newcomer.component, admission->channel, granted);
  std::vector<FramePtr> missed;
  if (first_of_session) {
    channel.Add(core_.env().shard, core_.key(), owner_, position.offset());
    missed = std::move(admission->missed);
  }
  owner_.OnJoined(newcomer.component, room_id, channel);
  told(std::move(admission));
  // The client may have shown another token meanwhile.
  if (granted && !core_.MayBeIn(room_id)) Revoke(room_id, newcomer.member_id);
  Connection* const connection = core_.connection();
  if (connection == nullptr) return gaps_.OpenUnknown(room_id);
  for (const FramePtr& frame : missed) connection->SendMissed(frame);
  // The client has come back in another encoding since it asked: the room is to know.
  if (first_of_session && newcomer.encoding != core_.encoding()) gaps_.GoOnFrom(room_id, position);
}

void Joins::Revoke(const std::string& room_id, const std::string& member_id) {
  core_.env().attendance.Remove(room_id, member_id, v1::LEAVE_REASON_ACCESS_REVOKED, /*tell=*/true);
}

void Joins::Bring(const Caller& caller, MemberIdentity who, v1::JoinRequest request, Chooser chooser, JoinDone told) {
  ATRIUM_ON_SHARD(core_.env().shard);
  Ask(caller, std::move(who), std::move(request), chooser,
      [this, table = &core_.env().sessions, key = core_.key(),
       told = std::move(told)](absl::StatusOr<Admission> admission) mutable {
        if (table->Reach(key) && admission.ok() && !admission->again) SendSnapshot(*admission);
        told(std::move(admission));
      });
}

void Joins::SendSnapshot(const Admission& admission) {
  Connection* const connection = core_.connection();
  if (connection == nullptr) return;
  if (!connection->Takes(admission.state)) return gaps_.OpenUnknown(admission.response.room().id());
  SendState(MakeSnapshot(admission, core_.own_encoding()), admission.response);
}

void Joins::SendState(const FramePtr& frame, const v1::JoinResponse& joined) {
  const std::string& room_id = joined.room().id();
  const bool gap = gaps_.contains(room_id);
  core_.Send(frame);
  // What the client gets next is what follows on this state.
  if (gap && core_.connection() != nullptr) gaps_.GoOnFrom(room_id, joined.position());
}

}  // namespace atrium
