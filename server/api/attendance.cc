#include "server/api/attendance.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/api/authorizer.h"
#include "server/api/refuse.h"
#include "server/api/validate.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"
#include "server/live/authoring/room_id.h"

namespace atrium {
namespace {

absl::StatusOr<json::object> InitialState(const v1::JoinRequest& request) {
  if (!request.has_initial_state()) return json::object();
  absl::StatusOr<json::value> value = FromProtoValue(request.initial_state());
  if (!value.ok()) return InvalidField("initialState", value.status().message());
  if (!value->is_object()) return InvalidField("initialState", "must be a JSON object");
  return std::move(value->get_object());
}

absl::StatusOr<json::object> MemberInfoOf(const v1::JoinRequest& request) {
  ASSIGN_OR_RETURN(json::object info, ToJsonObject("info", request.info()));
  if (JsonSize(info) <= kMaxMemberInfoBytes) return info;
  return InvalidField("info", absl::StrCat("must have at most ", kMaxMemberInfoBytes, " bytes as JSON"));
}

absl::StatusOr<Payload> JoinPayload(const v1::JoinRequest& request) {
  if (!request.has_payload()) return Payload();
  absl::StatusOr<Payload> payload = Payload::FromValue(request.payload());
  if (!payload.ok()) return InvalidField("payload", payload.status().message());
  return payload;
}

}  // namespace

void Attendance::Admit(const Caller& caller, MemberIdentity who, const v1::JoinRequest& request, JoinDone done) {
  REFUSE_IF_ERROR(ValidateRoomId("roomId", request.room_id()), done);
  REFUSE_IF_ERROR(authorizer_.Authorize(caller, Verb::kJoin, request.room_id()), done);
  if (request.has_info()) {
    REFUSE_IF_ERROR(authorizer_.AuthorizeInfo(caller), done);
    absl::StatusOr<json::object> info = MemberInfoOf(request);
    REFUSE_IF_ERROR(info.status(), done);
    who.info = *std::move(info);
  }
  absl::StatusOr<json::object> initial_state = InitialState(request);
  REFUSE_IF_ERROR(initial_state.status(), done);
  absl::StatusOr<Payload> payload = JoinPayload(request);
  REFUSE_IF_ERROR(payload.status(), done);
  AdmitRequest admit{.room_id = request.room_id(),
                     .who = std::move(who),
                     .initial_state = *std::move(initial_state),
                     .payload = *std::move(payload)};
  if (request.has_since()) admit.since = request.since();
  rooms_.Admit(std::move(admit), std::move(done));
}

void Attendance::CatchUp(const std::string& room_id, std::vector<std::string> members, Encoding encoding,
                         std::optional<v1::Position> since, JoinDone done) {
  rooms_.CatchUp(room_id, std::move(members), encoding, std::move(since), std::move(done));
}

void Attendance::SetConnected(const std::string& room_id, std::vector<std::string> members, bool connected) {
  rooms_.SetConnected(room_id, std::move(members), connected);
}

void Attendance::Remove(const std::string& room_id, const std::string& member_id, v1::LeaveReason reason, bool tell) {
  rooms_.Remove(room_id, member_id, reason, tell);
}

void Attendance::Watch(const Caller& caller, const ObserverIdentity& observer, const v1::WatchRequest& request,
                       JoinDone done) {
  REFUSE_IF_ERROR(ValidateRoomId("roomId", request.room_id()), done);
  REFUSE_IF_ERROR(authorizer_.Authorize(caller, Verb::kWatch, request.room_id()), done);
  if (request.has_since() && request.since().epoch().empty()) {
    return done(InvalidField("since.epoch", "is required beside an offset"));
  }
  rooms_.Watch(observer, request, std::move(done));
}

void Attendance::Unwatch(const std::string& room_id, SessionKey observer) { rooms_.Unwatch(room_id, observer); }

}  // namespace atrium
