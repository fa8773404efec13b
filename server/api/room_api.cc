#include "server/api/room_api.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/api/page_token.h"
#include "server/api/refuse.h"
#include "server/api/validate.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"
#include "server/common/utf8.h"
#include "server/live/authoring/room_id.h"
#include "server/wire/value_size.h"

namespace atrium {
namespace {

absl::Status ValidateIdempotencyKey(absl::string_view key) { return ValidateLength("idempotencyKey", key, 128); }

absl::Status ValidateEmit(const v1::EmitRequest& request, const Payload& data) {
  RETURN_IF_ERROR(ValidateRoomId("roomId", request.room_id()));
  RETURN_IF_ERROR(ValidateEvent("event", request.event()));
  RETURN_IF_ERROR(ValidateIdempotencyKey(request.idempotency_key()));
  if (!FitsMessages(data)) return InvalidField("data", kDataRule);
  RETURN_IF_ERROR(ValidateMemberIds("exclude", request.exclude()));
  return ValidateMemberIds("to", request.to());
}

// `member_id` is for clients, whose session has seen to it that it is one of its members.
absl::Status ValidateEmitter(const Caller& caller, const v1::EmitRequest& request) {
  if (request.member_id().empty() || caller.kind() != Caller::Kind::kService) return absl::OkStatus();
  return InvalidField("memberId", "must be empty: a service emits as nobody");
}

absl::Status ValidateSendMessage(const v1::SendMessageRequest& request) {
  constexpr size_t kMaxCharacters = 1000;
  RETURN_IF_ERROR(ValidateRoomId("roomId", request.room_id()));
  RETURN_IF_ERROR(ValidateIdempotencyKey(request.idempotency_key()));
  RETURN_IF_ERROR(ValidateLength("user", request.user(), 100));
  const size_t characters = CountCharacters(request.text());
  if (characters == 0 || characters > kMaxCharacters) return InvalidField("text", "must have 1 to 1000 characters");
  return absl::OkStatus();
}

// Returns the position behind which the page begins: that of the page before, else `since`, which is asked for.
absl::StatusOr<std::optional<v1::Position>> HistoryStart(const v1::GetHistoryRequest& request,
                                                         const std::optional<v1::Position>& since) {
  if (request.page_token().empty()) return since;
  const std::string of = HistoryOf(request.room_id(), since);
  ASSIGN_OR_RETURN(const std::string last, ReadPageToken({PagedList::Kind::kHistory, of}, request.page_token()));
  ASSIGN_OR_RETURN(v1::Position position, ReadPosition("pageToken", last));
  return std::make_optional(std::move(position));
}

}  // namespace

void RoomApi::Join(const Caller& caller, WithPayload<v1::JoinRequest> request, Done<v1::JoinResponse> done) {
  REFUSE_IF_ERROR(ValidateRoomId("roomId", request.message->room_id()), done);
  if (request.message->member_id().empty())
    return done(InvalidField("memberId", "is required: the id of a session or component"));
  sessions_.Bring(caller, std::move(*request.message), std::move(done));
}

void RoomApi::Leave(const Caller& caller, WithPayload<v1::LeaveRequest> request, Done<v1::LeaveResponse> done) {
  v1::LeaveRequest& message = *request.message;
  REFUSE_IF_ERROR(ValidateRoomId("roomId", message.room_id()), done);
  if (caller.kind() != Caller::Kind::kService) message.set_member_id(caller.member_id());
  if (message.member_id().empty()) return done(InvalidField("memberId", "is required"));
  verbs_.Leave(caller, std::move(request), std::move(done));
}

void RoomApi::Emit(const Caller& caller, WithPayload<v1::EmitRequest> request, Done<v1::EmitResponse> done) {
  REFUSE_IF_ERROR(ValidateEmit(*request.message, request.payload), done);
  REFUSE_IF_ERROR(ValidateEmitter(caller, *request.message), done);
  verbs_.Emit(caller, std::move(request), std::move(done));
}

void RoomApi::SendMessage(const Caller& caller, WithPayload<v1::SendMessageRequest> request,
                          Done<v1::SendMessageResponse> done) {
  v1::SendMessageRequest& message = *request.message;
  REFUSE_IF_ERROR(ValidateSendMessage(message), done);
  if (message.user().empty()) message.set_user("API Bot");
  verbs_.SendMessage(caller, std::move(request), std::move(done));
}

void RoomApi::SetState(const Caller& caller, WithPayload<v1::SetStateRequest> request,
                       Done<v1::SetStateResponse> done) {
  REFUSE_IF_ERROR(ValidateRoomId("roomId", request.message->room_id()), done);
  REFUSE_IF_ERROR(ValidateIdempotencyKey(request.message->idempotency_key()), done);
  absl::StatusOr<json::object> merge = ReadObject("state", request.payload);
  REFUSE_IF_ERROR(merge.status(), done);
  verbs_.SetState(caller, std::move(request), *std::move(merge), std::move(done));
}

void RoomApi::GetState(const Caller& caller, WithPayload<v1::GetStateRequest> request,
                       Done<v1::GetStateResponse> done) {
  REFUSE_IF_ERROR(ValidateRoomId("roomId", request.message->room_id()), done);
  verbs_.GetState(caller, request.message->room_id(), std::move(done));
}

void RoomApi::Call(const Caller& caller, WithPayload<v1::CallRequest> request, Done<v1::CallResponse> done) {
  if (request.message->has_component_id()) {
    return done(InvalidField("componentId", "must be empty: actions are for the client of the component"));
  }
  REFUSE_IF_ERROR(ValidateRoomId("roomId", request.message->room_id()), done);
  REFUSE_IF_ERROR(ValidateIdempotencyKey(request.message->idempotency_key()), done);
  if (request.message->method().empty()) return done(InvalidField("method", "is required"));
  if (request.payload.empty()) request.payload = Payload::FromText("{}");
  absl::StatusOr<json::object> args = ReadObject("args", request.payload);
  REFUSE_IF_ERROR(args.status(), done);
  verbs_.Call(caller, std::move(request), *std::move(args), std::move(done));
}

void RoomApi::GetHistory(const Caller&, WithPayload<v1::GetHistoryRequest> request, Done<v1::GetHistoryResponse> done) {
  REFUSE_IF_ERROR(ValidateRoomId("roomId", request.message->room_id()), done);
  const absl::StatusOr<size_t> size = PageSize(request.message->page_size());
  REFUSE_IF_ERROR(size.status(), done);
  std::optional<v1::Position> since;
  if (request.message->has_since()) since = request.message->since();
  absl::StatusOr<std::optional<v1::Position>> start = HistoryStart(*request.message, since);
  REFUSE_IF_ERROR(start.status(), done);
  HistoryRequest history{
      .room_id = request.message->room_id(), .since = std::move(since), .start = *std::move(start), .page_size = *size};
  verbs_.GetHistory(std::move(history), std::move(done));
}

void RoomApi::GetRoom(const Caller&, WithPayload<v1::GetRoomRequest> request, Done<v1::Room> done) {
  REFUSE_IF_ERROR(ValidateRoomId("roomId", request.message->room_id()), done);
  verbs_.GetRoom(request.message->room_id(), std::move(done));
}

void RoomApi::ListMembers(const Caller&, WithPayload<v1::ListMembersRequest> request,
                          Done<v1::ListMembersResponse> done) {
  REFUSE_IF_ERROR(ValidateRoomId("roomId", request.message->room_id()), done);
  const absl::StatusOr<size_t> size = PageSize(request.message->page_size());
  REFUSE_IF_ERROR(size.status(), done);
  absl::StatusOr<std::string> after =
      ReadPageToken({PagedList::Kind::kMembers, request.message->room_id()}, request.message->page_token());
  REFUSE_IF_ERROR(after.status(), done);
  verbs_.ListMembers(request.message->room_id(), *std::move(after), *size, std::move(done));
}

void RoomApi::UpdateRoom(const Caller&, WithPayload<v1::UpdateRoomRequest> request, Done<v1::Room> done) {
  constexpr size_t kMaxMetadataBytes = 4096;
  const v1::UpdateRoomRequest& message = *request.message;
  REFUSE_IF_ERROR(ValidateRoomId("roomId", message.room_id()), done);
  RoomUpdate update;
  if (message.has_locked()) update.locked = message.locked();
  if (message.has_unlisted()) update.unlisted = message.unlisted();
  if (message.has_metadata()) {
    absl::StatusOr<json::object> metadata = ToJsonObject("metadata", message.metadata());
    REFUSE_IF_ERROR(metadata.status(), done);
    if (JsonSize(*metadata) > kMaxMetadataBytes) {
      return done(InvalidField("metadata", absl::StrCat("must have at most ", kMaxMetadataBytes, " bytes as JSON")));
    }
    update.metadata = *std::move(metadata);
  }
  verbs_.UpdateRoom(message.room_id(), std::move(update), std::move(done));
}

void RoomApi::DestroyRoom(const Caller&, WithPayload<v1::DestroyRoomRequest> request,
                          Done<v1::DestroyRoomResponse> done) {
  REFUSE_IF_ERROR(ValidateRoomId("roomId", request.message->room_id()), done);
  verbs_.DestroyRoom(request.message->room_id(), std::move(done));
}

}  // namespace atrium
