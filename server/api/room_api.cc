#include "server/api/room_api.h"

#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/api/answer.h"
#include "server/api/refuse.h"
#include "server/api/validate.h"
#include "server/common/status_macros.h"
#include "server/common/utf8.h"
#include "server/live/room_errors.h"
#include "server/live/room_id.h"

namespace atrium {
namespace {

// The member that the caller acts as; null for a service, and for a component that is none.
absl::StatusOr<const MemberIdentity*> Membership(const Room* room, const Caller& caller) {
  if (caller.kind() == Caller::Kind::kService) return nullptr;
  const MemberIdentity* member = room == nullptr ? nullptr : room->FindMember(caller.member_id());
  if (member == nullptr && caller.kind() == Caller::Kind::kClient) return NotAMember();
  return member;
}

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

template <typename Request>
absl::optional<v1::Position> PositionOf(const Request& request) {
  return request.has_since() ? absl::make_optional(request.since()) : absl::nullopt;
}

absl::Status ValidateIdempotencyKey(absl::string_view key) { return ValidateLength("idempotencyKey", key, 128); }

absl::Status ValidateEmit(const v1::EmitRequest& request) {
  RETURN_IF_ERROR(ValidateRoomId("roomId", request.room_id()));
  RETURN_IF_ERROR(ValidateEvent("event", request.event()));
  RETURN_IF_ERROR(ValidateIdempotencyKey(request.idempotency_key()));
  RETURN_IF_ERROR(ValidateMemberIds("exclude", request.exclude()));
  return ValidateMemberIds("to", request.to());
}

// A client's session has seen to it that it is one of its members.
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

std::string NewMessageId(absl::Time now) {
  absl::BitGen random;
  return absl::StrFormat("api-%d-%06x", absl::ToUnixMillis(now), absl::Uniform<uint32_t>(random, 0, 1 << 24));
}

// Takes what it repeats out of the request.
v1::EmitResponse MakeEmitResponse(v1::EmitRequest& request, const Room* room, int notified) {
  v1::EmitResponse response;
  response.set_success(true);
  response.set_allocated_event(request.release_event());
  response.set_notified(notified);
  response.set_allocated_room_id(request.release_room_id());
  if (room != nullptr) *response.mutable_position() = room->position();
  return response;
}

// A typed room makes the message itself.
void CallAddMessage(Room& room, const v1::SendMessageRequest& request,
                    absl::AnyInvocable<void(absl::StatusOr<v1::SendMessageResponse>)> done) {
  json::object args;
  args["user"] = request.user();
  args["text"] = request.text();
  room.Call("addMessage", args, /*member=*/nullptr,
            [done = std::move(done)](absl::StatusOr<TypedRoom::CallResult> called) mutable {
              REFUSE_IF_ERROR(called.status(), done);
              v1::SendMessageResponse response;
              REFUSE_IF_ERROR(MessageFromJson(called->result.ToJsonValue(), *response.mutable_message()), done);
              response.set_notified(called->notified);
              done(std::move(response));
            });
}

// An untyped room passes the message on.
v1::SendMessageResponse EmitMessage(Room* room, const v1::SendMessageRequest& request) {
  const absl::Time now = absl::Now();
  v1::SendMessageResponse response;
  v1::PostedMessage& message = *response.mutable_message();
  message.set_id(NewMessageId(now));
  message.set_user(request.user());
  message.set_text(request.text());
  *message.mutable_timestamp() = ToTimestamp(now);
  if (room != nullptr) {
    const Payload data = Payload::FromText(MessageToJson(message, JsonZeros::kPrint));
    response.set_notified(room->Emit({.event = "message:new", .data = data}).value_or(0));
  }
  return response;
}

}  // namespace

void RoomApi::Admit(const Caller& caller, MemberIdentity who, v1::JoinRequest request, JoinDone done) {
  REFUSE_IF_ERROR(ValidateRoomId("roomId", request.room_id()), done);
  if (caller.kind() == Caller::Kind::kClient) {
    if (rooms_.registry().TypeOf(request.room_id()) != nullptr) return done(ServerSideJoinOnly());
    if (request.has_info()) return done(InvalidField("info", "is set by services only"));
  }
  absl::StatusOr<json::object> info = MemberInfoOf(request);
  REFUSE_IF_ERROR(info.status(), done);
  who.info = *std::move(info);
  absl::StatusOr<json::object> initial_state = InitialState(request);
  REFUSE_IF_ERROR(initial_state.status(), done);
  absl::StatusOr<Payload> payload = JoinPayload(request);
  REFUSE_IF_ERROR(payload.status(), done);
  rooms_.FindOrCreate(request.room_id(), *std::move(initial_state),
                      [who = std::move(who), payload = *std::move(payload), since = PositionOf(request),
                       done = std::move(done)](absl::StatusOr<Room*> room) mutable {
                        REFUSE_IF_ERROR(room.status(), done);
                        auto answer = [&room = **room,
                                       done = std::move(done)](absl::StatusOr<Admission> admission) mutable {
                          REFUSE_IF_ERROR(admission.status(), done);
                          Answer(room, std::move(done), *std::move(admission));
                        };
                        (*room)->Join(std::move(who), std::move(payload), std::move(since), std::move(answer));
                      });
}

void RoomApi::CatchUp(const std::string& room_id, std::vector<std::string> members, Encoding encoding,
                      absl::optional<v1::Position> since, JoinDone done) {
  rooms_.Find(room_id, [members = std::move(members), encoding, since = std::move(since),
                        done = std::move(done)](absl::StatusOr<Room*> found) mutable {
    REFUSE_IF_ERROR(found.status(), done);
    Room* const room = *found;
    if (room == nullptr) return done(MemberNotFound(members.front()));
    Answer(*room, std::move(done), room->CatchUp(members, encoding, since));
  });
}

void RoomApi::SetConnected(const std::string& room_id, std::vector<std::string> members, bool connected) {
  rooms_.Find(room_id, [members = std::move(members), connected](absl::StatusOr<Room*> room) {
    if (room.ok() && *room != nullptr) (*room)->SetConnected(members, connected);
  });
}

void RoomApi::Disconnect(const std::string& room_id, const std::string& member_id, bool tell) {
  rooms_.Find(room_id, [member_id, tell](absl::StatusOr<Room*> room) {
    if (!room.ok() || *room == nullptr) return;
    (*room)->Leave(member_id, v1::LEAVE_REASON_DISCONNECT, tell).IgnoreError();
  });
}

void RoomApi::Watch(const Caller&, const ObserverIdentity& observer, const v1::WatchRequest& request, JoinDone done) {
  REFUSE_IF_ERROR(ValidateRoomId("roomId", request.room_id()), done);
  if (request.has_since() && request.since().epoch().empty()) {
    return done(InvalidField("since.epoch", "is required beside an offset"));
  }
  rooms_.FindOrCreate(
      request.room_id(), {},
      [observer, since = PositionOf(request), done = std::move(done)](absl::StatusOr<Room*> room) mutable {
        REFUSE_IF_ERROR(room.status(), done);
        Answer(**room, std::move(done), (*room)->Watch(observer, since));
      });
}

void RoomApi::Unwatch(const std::string& room_id, SessionKey observer) {
  rooms_.Find(room_id, [observer](absl::StatusOr<Room*> room) {
    if (room.ok() && *room != nullptr) (*room)->Unwatch(observer);
  });
}

void RoomApi::Join(const Caller&, WithPayload<v1::JoinRequest> request, Done<v1::JoinResponse> done) {
  REFUSE_IF_ERROR(ValidateRoomId("roomId", request.message->room_id()), done);
  if (request.message->member_id().empty())
    return done(InvalidField("memberId", "is required: the id of a session or component"));
  sessions_.Bring(std::move(*request.message), std::move(done));
}

void RoomApi::Leave(const Caller& caller, WithPayload<v1::LeaveRequest> request, Done<v1::LeaveResponse> done) {
  const bool service = caller.kind() == Caller::Kind::kService;
  std::string member_id = request.message->member_id();
  REFUSE_IF_ERROR(ValidateRoomId("roomId", request.message->room_id()), done);
  if (service && member_id.empty()) return done(InvalidField("memberId", "is required"));
  if (!service) member_id = caller.session_id();
  rooms_.Find(request.message->room_id(),
              [service, member_id = std::move(member_id), done = std::move(done)](absl::StatusOr<Room*> found) mutable {
                REFUSE_IF_ERROR(found.status(), done);
                Room* const room = *found;
                if (room == nullptr) return done(MemberNotFound(member_id));
                REFUSE_IF_ERROR(room->Leave(member_id, v1::LEAVE_REASON_LEAVE, /*tell=*/service), done);
                Answer(*room, std::move(done), WithPayload<v1::LeaveResponse>());
              });
}

namespace {

void EmitInto(Room& room, const Caller& caller, WithPayload<v1::EmitRequest>&& request, Done<v1::EmitResponse> done) {
  v1::EmitRequest& message = *request.message;
  const absl::StatusOr<const MemberIdentity*> sender = Membership(&room, caller);
  REFUSE_IF_ERROR(sender.status(), done);
  const absl::StatusOr<int> notified =
      room.Emit({.event = message.event(),
                 .data = std::move(request.payload),
                 .sender = *sender,
                 .include_self = message.include_self(),
                 .trusted = caller.kind() == Caller::Kind::kComponent,
                 .options = {.exclude = {message.exclude().begin(), message.exclude().end()},
                             .to = {message.to().begin(), message.to().end()},
                             .is_volatile = message.volatile_()}});
  REFUSE_IF_ERROR(notified.status(), done);
  if (request.errors_only) return done(WithPayload<v1::EmitResponse>());
  done(WithPayload<v1::EmitResponse>{MakeEmitResponse(message, &room, *notified)});
}

}  // namespace

void RoomApi::Emit(const Caller& caller, WithPayload<v1::EmitRequest> request, Done<v1::EmitResponse> done) {
  REFUSE_IF_ERROR(ValidateEmit(*request.message), done);
  REFUSE_IF_ERROR(ValidateEmitter(caller, *request.message), done);
  std::string room_id = request.message->room_id();
  // A mere `caller` would be const, and copied when this is moved.
  rooms_.Find(std::move(room_id), [caller = caller, request = std::move(request),
                                   done = std::move(done)](absl::StatusOr<Room*> found) mutable {
    REFUSE_IF_ERROR(found.status(), done);
    Room* const room = *found;
    if (room == nullptr) {
      REFUSE_IF_ERROR(Membership(room, caller).status(), done);
      return done(WithPayload<v1::EmitResponse>{MakeEmitResponse(*request.message, nullptr, 0)});
    }
    Once(*room, caller, "Emit", std::move(request), std::move(done),
         [room, &caller](auto&& request, auto done) { EmitInto(*room, caller, std::move(request), std::move(done)); });
  });
}

namespace {

void SendMessageInto(Room& room, const v1::SendMessageRequest& request, Done<v1::SendMessageResponse> done) {
  auto finish = [room_id = request.room_id(),
                 done = std::move(done)](absl::StatusOr<v1::SendMessageResponse> response) mutable {
    REFUSE_IF_ERROR(response.status(), done);
    response->set_success(true);
    response->set_room_id(room_id);
    done(WithPayload<v1::SendMessageResponse>{*std::move(response)});
  };
  if (room.type() != nullptr) return CallAddMessage(room, request, std::move(finish));
  finish(EmitMessage(&room, request));
}

}  // namespace

void RoomApi::SendMessage(const Caller& caller, WithPayload<v1::SendMessageRequest> request,
                          Done<v1::SendMessageResponse> done) {
  v1::SendMessageRequest& message = *request.message;
  REFUSE_IF_ERROR(ValidateSendMessage(message), done);
  if (message.user().empty()) message.set_user("API Bot");
  const std::string room_id = message.room_id();
  const bool typed = rooms_.registry().TypeOf(room_id) != nullptr;
  auto send = [caller = caller, request = std::move(request),
               done = std::move(done)](absl::StatusOr<Room*> found) mutable {
    REFUSE_IF_ERROR(found.status(), done);
    Room* const room = *found;
    if (room == nullptr) {
      v1::SendMessageResponse response = EmitMessage(nullptr, *request.message);
      response.set_success(true);
      response.set_room_id(request.message->room_id());
      return done(WithPayload<v1::SendMessageResponse>{std::move(response)});
    }
    Once(*room, caller, "SendMessage", std::move(request), std::move(done),
         [room](auto&& request, auto done) { SendMessageInto(*room, *request.message, std::move(done)); });
  };
  if (typed) return rooms_.FindOrCreate(room_id, {}, std::move(send));
  rooms_.Find(room_id, std::move(send));
}

void RoomApi::SetState(const Caller& caller, WithPayload<v1::SetStateRequest> request,
                       Done<v1::SetStateResponse> done) {
  const std::string room_id = request.message->room_id();
  REFUSE_IF_ERROR(ValidateRoomId("roomId", room_id), done);
  if (rooms_.registry().TypeOf(room_id) != nullptr) return done(StateIsServerOnly());
  REFUSE_IF_ERROR(ValidateIdempotencyKey(request.message->idempotency_key()), done);
  absl::StatusOr<json::object> merge = ReadObject("state", request.payload);
  REFUSE_IF_ERROR(merge.status(), done);
  auto set = [caller = caller, merge = *std::move(merge), request = std::move(request),
              done = std::move(done)](absl::StatusOr<Room*> found) mutable {
    REFUSE_IF_ERROR(found.status(), done);
    Room* const room = *found;
    REFUSE_IF_ERROR(Membership(room, caller).status(), done);
    Once(*room, caller, "SetState", std::move(request), std::move(done),
         [room, merge = std::move(merge)](auto&& request, Done<v1::SetStateResponse> done) {
           absl::optional<uint64_t> expected_offset;
           if (request.message->has_expected_offset()) expected_offset = request.message->expected_offset();
           REFUSE_IF_ERROR(room->SetState(merge, expected_offset), done);
           WithPayload<v1::SetStateResponse> response;
           *response.message->mutable_position() = room->position();
           done(std::move(response));
         });
  };
  if (caller.kind() == Caller::Kind::kClient) return rooms_.Find(room_id, std::move(set));
  rooms_.FindOrCreate(room_id, {}, std::move(set));
}

void RoomApi::GetState(const Caller& caller, WithPayload<v1::GetStateRequest> request,
                       Done<v1::GetStateResponse> done) {
  std::string room_id = request.message->room_id();
  REFUSE_IF_ERROR(ValidateRoomId("roomId", room_id), done);
  rooms_.Find(room_id, [caller = caller, room_id, done = std::move(done)](absl::StatusOr<Room*> found) mutable {
    REFUSE_IF_ERROR(found.status(), done);
    Room* const room = *found;
    REFUSE_IF_ERROR(Membership(room, caller).status(), done);
    if (room == nullptr) return done(RoomNotFound(room_id));
    WithPayload<v1::GetStateResponse> response{.payload = room->state()};
    *response.message->mutable_position() = room->position();
    Answer(*room, std::move(done), std::move(response));
  });
}

void RoomApi::Call(const Caller& caller, WithPayload<v1::CallRequest> request, Done<v1::CallResponse> done) {
  if (request.message->has_component_id()) {
    return done(InvalidField("componentId", "must be empty: actions are for the client of the component"));
  }
  const std::string room_id = request.message->room_id();
  REFUSE_IF_ERROR(ValidateRoomId("roomId", room_id), done);
  REFUSE_IF_ERROR(ValidateIdempotencyKey(request.message->idempotency_key()), done);
  if (request.message->method().empty()) return done(InvalidField("method", "is required"));
  if (request.payload.empty()) request.payload = Payload::FromText("{}");
  absl::StatusOr<json::object> args = ReadObject("args", request.payload);
  REFUSE_IF_ERROR(args.status(), done);
  const bool trusted = caller.kind() != Caller::Kind::kClient;
  if (trusted && rooms_.registry().TypeOf(room_id) == nullptr) {
    return done(UntypedHasNoMethods());
  }
  auto call = [caller = caller, trusted, args = *std::move(args), request = std::move(request),
               done = std::move(done)](absl::StatusOr<Room*> found) mutable {
    REFUSE_IF_ERROR(found.status(), done);
    Room* const room = *found;
    const absl::StatusOr<const MemberIdentity*> member = Membership(room, caller);
    REFUSE_IF_ERROR(member.status(), done);
    Once(*room, caller, "Call", std::move(request), std::move(done),
         [room, member = *member, trusted, args = std::move(args)](auto&& request, Done<v1::CallResponse> done) {
           auto finish = [done = std::move(done)](absl::StatusOr<TypedRoom::CallResult> called) mutable {
             REFUSE_IF_ERROR(PrefixField("args", called.status()), done);
             done(WithPayload<v1::CallResponse>{.payload = std::move(called->result)});
           };
           room->Call(request.message->method(), args, member, std::move(finish), trusted);
         });
  };
  if (trusted) return rooms_.FindOrCreate(room_id, {}, std::move(call));
  rooms_.Find(room_id, std::move(call));
}

void RoomApi::AddTo(RpcTable& table) {
  const auto add = [&]<typename Request, typename Response>(
                       absl::string_view name,
                       void (RoomApi::*verb)(const Caller&, WithPayload<Request>, Done<Response>)) {
    table.Add<Request, Response>(absl::StrCat("atrium.v1.RoomService.", name),
                                 [this, verb](const Caller& caller, WithPayload<Request> request, Done<Response> done) {
                                   (this->*verb)(caller, std::move(request), std::move(done));
                                 });
  };
  add("Join", &RoomApi::Join);
  add("Leave", &RoomApi::Leave);
  add("Emit", &RoomApi::Emit);
  add("SendMessage", &RoomApi::SendMessage);
  add("SetState", &RoomApi::SetState);
  add("GetState", &RoomApi::GetState);
  add("GetHistory", &RoomApi::GetHistory);
  add("GetRoom", &RoomApi::GetRoom);
  add("ListRooms", &RoomApi::ListRooms);
  add("ListMembers", &RoomApi::ListMembers);
  add("Call", &RoomApi::Call);
  add("UpdateRoom", &RoomApi::UpdateRoom);
  add("DestroyRoom", &RoomApi::DestroyRoom);
  add("ListRoomTypes", &RoomApi::ListRoomTypes);
  add("GetStats", &RoomApi::GetStats);
}

}  // namespace atrium
