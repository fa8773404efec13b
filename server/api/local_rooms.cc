#include "server/api/local_rooms.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "server/api/answer.h"
#include "server/live/rooms/room_errors.h"
#include "server/live/rooms/room_state.h"
#include "server/wire/message_json.h"

namespace atrium {
namespace {

// Returns the member that the caller acts as: a user without a session as `member_id`, which is to be one of the
// user's, or as any of them. Null for a service and for a component that is no member.
absl::StatusOr<const MemberIdentity*> Membership(const Room* room, const Caller& caller,
                                                 absl::string_view member_id = {}) {
  if (caller.kind() == Caller::Kind::kService) return nullptr;
  const MemberIdentity* member = nullptr;
  if (caller.kind() == Caller::Kind::kUser) {
    // One who is anonymous cannot be told from others.
    if (room == nullptr || caller.user_id().empty()) return NotAMember();
    member = member_id.empty() ? room->roster().FindOfUser(caller.user_id()) : room->roster().Find(member_id);
    if (member != nullptr && member->user_id != caller.user_id()) member = nullptr;
  } else if (room != nullptr) {
    member = room->roster().Find(caller.member_id());
  }
  if (member == nullptr && caller.is_client()) return NotAMember();
  return member;
}

std::string NewMessageId(absl::Time now) {
  absl::BitGen random;
  return absl::StrFormat("api-%d-%06x", absl::ToUnixMillis(now), absl::Uniform<uint32_t>(random, 0, 1 << 24));
}

// Makes the response, which takes what it repeats out of the request.
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
  room.Call("addMessage", args, /*member=*/nullptr, /*from_client=*/false,
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

Emission MakeEmission(const Caller& caller, const MemberIdentity* sender, WithPayload<v1::EmitRequest>& request) {
  const v1::EmitRequest& message = *request.message;
  return {.event = message.event(),
          .data = std::move(request.payload),
          .sender = sender,
          .include_self = message.include_self(),
          .from_client = caller.is_client(),
          .options = {.exclude = {message.exclude().begin(), message.exclude().end()},
                      .to = {message.to().begin(), message.to().end()},
                      .is_volatile = message.volatile_()}};
}

void AnswerEmit(const Room& room, WithPayload<v1::EmitRequest>& request, const absl::StatusOr<int>& notified,
                Done<v1::EmitResponse>& done) {
  REFUSE_IF_ERROR(notified.status(), done);
  if (request.errors_only) return done(WithPayload<v1::EmitResponse>());
  done(WithPayload<v1::EmitResponse>{MakeEmitResponse(*request.message, &room, *notified)});
}

void EmitInto(Room& room, const Caller& caller, WithPayload<v1::EmitRequest>&& request, Done<v1::EmitResponse> done) {
  const absl::StatusOr<const MemberIdentity*> sender = Membership(&room, caller, request.message->member_id());
  REFUSE_IF_ERROR(sender.status(), done);
  if (!room.decides_later()) {
    return AnswerEmit(room, request, room.Emit(MakeEmission(caller, *sender, request)), done);
  }
  Emission emission = MakeEmission(caller, *sender, request);
  room.EmitLater(std::move(emission),
                 [&room, request = std::move(request), done = std::move(done)](
                     const absl::StatusOr<int>& notified) mutable { AnswerEmit(room, request, notified, done); });
}

// `room` is null if there is none, and then nobody hears of the message.
void SendMessageInto(Room* room, const v1::SendMessageRequest& request, Done<v1::SendMessageResponse> done) {
  auto finish = [room_id = request.room_id(),
                 done = std::move(done)](absl::StatusOr<v1::SendMessageResponse> response) mutable {
    REFUSE_IF_ERROR(response.status(), done);
    response->set_success(true);
    response->set_room_id(room_id);
    done(WithPayload<v1::SendMessageResponse>{*std::move(response)});
  };
  if (room != nullptr && room->type() != nullptr) return CallAddMessage(*room, request, std::move(finish));
  finish(EmitMessage(room, request));
}

// In their order, as many as an error may well have.
std::string TypeNames(const RoomRegistry& registry) {
  constexpr size_t kMost = 20;
  std::vector<absl::string_view> names;
  for (const auto& type : registry.types()) names.push_back(type->name);
  std::sort(names.begin(), names.end());
  const bool all = names.size() <= kMost;
  if (!all) names.resize(kMost);
  return absl::StrCat(absl::StrJoin(names, ", "), all ? "" : ", ...");
}

// A change of an untyped room's state, to be made in the room once that is found.
struct StateChangeRequest {
  std::optional<uint64_t> expected_offset() const {
    return request.message->has_expected_offset() ? std::make_optional(request.message->expected_offset())
                                                  : std::nullopt;
  }
  // Returns whether a new room would take it, with the errors of Room::SetState.
  absl::Status CheckAlone(size_t max_json_bytes) const {
    const uint64_t expected = expected_offset().value_or(0);
    if (expected > 0) return OffsetNotReached(expected, "0, for there is no such room");
    return RoomState({}, /*behaviour=*/nullptr).Merge(merge, max_json_bytes).status();
  }
  void operator()(Room* room, Done<v1::SetStateResponse>&& done) {
    REFUSE_IF_ERROR(Membership(room, caller).status(), done);
    Once(*room, caller, Idempotency::Method::kSetState, std::move(request), std::move(done),
         [room, merge = std::move(merge), expected = expected_offset()](auto&&, Done<v1::SetStateResponse> done) {
           REFUSE_IF_ERROR(room->SetState(merge, expected), done);
           WithPayload<v1::SetStateResponse> response;
           *response.message->mutable_position() = room->position();
           done(std::move(response));
         });
  }

  Caller caller;
  WithPayload<v1::SetStateRequest> request;
  json::object merge;
};

}  // namespace

void LocalRooms::Leave(const Caller& caller, WithPayload<v1::LeaveRequest>&& request, Done<v1::LeaveResponse>&& done) {
  const bool tell = caller.kind() != Caller::Kind::kClient;
  const std::string room_id = request.message->room_id();
  WithRoomIfAny(room_id, std::move(done), [tell, member_id = request.message->member_id()](Room* room, auto&& done) {
    if (room == nullptr) return done(MemberNotFound(member_id));
    REFUSE_IF_ERROR(room->Leave(member_id, v1::LEAVE_REASON_LEAVE, tell), done);
    Answer(*room, std::move(done), WithPayload<v1::LeaveResponse>());
  });
}

void LocalRooms::Emit(const Caller& caller, WithPayload<v1::EmitRequest>&& request, Done<v1::EmitResponse>&& done) {
  std::string room_id = request.message->room_id();
  // A mere `caller` would be const, and copied when this is moved.
  WithRoomIfAny(std::move(room_id), std::move(done),
                [caller = caller, request = std::move(request)](Room* room, Done<v1::EmitResponse>&& done) mutable {
                  if (room == nullptr) {
                    REFUSE_IF_ERROR(Membership(room, caller).status(), done);
                    return done(WithPayload<v1::EmitResponse>{MakeEmitResponse(*request.message, nullptr, 0)});
                  }
                  Once(*room, caller, Idempotency::Method::kEmit, std::move(request), std::move(done),
                       [room, &caller](auto&& request, auto done) {
                         EmitInto(*room, caller, std::move(request), std::move(done));
                       });
                });
}

void LocalRooms::SendMessage(const Caller& caller, WithPayload<v1::SendMessageRequest>&& request,
                             Done<v1::SendMessageResponse>&& done) {
  const std::string room_id = request.message->room_id();
  auto send = [caller = caller, request = std::move(request)](Room* room,
                                                              Done<v1::SendMessageResponse>&& done) mutable {
    if (room == nullptr) return SendMessageInto(nullptr, *request.message, std::move(done));
    Once(*room, caller, Idempotency::Method::kSendMessage, std::move(request), std::move(done),
         [room](auto&& request, auto done) { SendMessageInto(room, *request.message, std::move(done)); });
  };
  const bool typed = rooms_.registry().TypeOf(room_id) != nullptr;
  if (typed) return WithNewRoom(room_id, {}, std::move(done), std::move(send));
  WithRoomIfAny(room_id, std::move(done), std::move(send));
}

void LocalRooms::SetState(const Caller& caller, WithPayload<v1::SetStateRequest>&& request, json::object&& merge,
                          Done<v1::SetStateResponse>&& done) {
  const std::string room_id = request.message->room_id();
  StateChangeRequest set{caller, std::move(request), std::move(merge)};
  // A client is a member of a room that is there.
  if (caller.is_client()) return WithRoomIfAny(room_id, std::move(done), std::move(set));
  if (rooms_.registry().TypeOf(room_id) != nullptr) return done(StateIsServerOnly());
  // Nothing is created for a change that cannot be.
  WithRoomIfAny(room_id, std::move(done), [this, room_id, set = std::move(set)](Room* room, auto&& done) mutable {
    if (room != nullptr) return set(room, std::move(done));
    REFUSE_IF_ERROR(set.CheckAlone(rooms_.settings().max_state_bytes), done);
    WithNewRoom(room_id, {}, std::move(done), std::move(set));
  });
}

void LocalRooms::GetState(const Caller& caller, const std::string& room_id, Done<v1::GetStateResponse>&& done) {
  WithRoomIfAny(room_id, std::move(done), [caller = caller, room_id](Room* room, Done<v1::GetStateResponse>&& done) {
    // A user without a session reads as one who watches.
    if (caller.kind() != Caller::Kind::kUser) {
      REFUSE_IF_ERROR(Membership(room, caller).status(), done);
    }
    if (room == nullptr) return done(RoomNotFound(room_id));
    WithPayload<v1::GetStateResponse> response{.payload = room->state()};
    *response.message->mutable_position() = room->position();
    Answer(*room, std::move(done), std::move(response));
  });
}

void LocalRooms::Call(const Caller& caller, WithPayload<v1::CallRequest>&& request, json::object&& args,
                      Done<v1::CallResponse>&& done) {
  const std::string room_id = request.message->room_id();
  const bool from_client = caller.is_client();
  // Nothing is created for a call that cannot be.
  if (!from_client && rooms_.registry().TypeOf(room_id) == nullptr) {
    return done(UntypedHasNoMethods(room_id, TypeNames(rooms_.registry())));
  }
  auto call = [caller = caller, from_client, request = std::move(request), args = std::move(args)](
                  Room* room, Done<v1::CallResponse>&& done) mutable {
    const absl::StatusOr<const MemberIdentity*> member = Membership(room, caller);
    REFUSE_IF_ERROR(member.status(), done);
    Once(*room, caller, Idempotency::Method::kCall, std::move(request), std::move(done),
         [room, member = *member, from_client, args = std::move(args)](auto&& request, Done<v1::CallResponse> done) {
           auto finish = [done = std::move(done)](absl::StatusOr<TypedRoom::CallResult> called) mutable {
             REFUSE_IF_ERROR(PrefixField("args", called.status()), done);
             done(WithPayload<v1::CallResponse>{.payload = std::move(called->result)});
           };
           room->Call(request.message->method(), args, member, from_client, std::move(finish));
         });
  };
  if (from_client) return WithRoomIfAny(room_id, std::move(done), std::move(call));
  WithNewRoom(room_id, {}, std::move(done), std::move(call));
}

}  // namespace atrium
