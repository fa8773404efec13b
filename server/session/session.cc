#include "server/session/session.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "server/api/validate.h"
#include "server/live/room_errors.h"
#include "server/session/connection.h"
#include "server/session/session_hub.h"

namespace atrium {
namespace {

absl::Status SessionEnded() {
  return MakeError(absl::StatusCode::kNotFound, "SESSION_NOT_FOUND", "The session has ended");
}

absl::Status RateLimited() {
  return MakeError(absl::StatusCode::kResourceExhausted, "RATE_LIMITED", "Rate limit exceeded");
}

// A client acts as itself; it may say so.
absl::Status ValidateOwnMember(absl::string_view field, absl::string_view member_id, absl::string_view own) {
  if (member_id.empty() || member_id == own) return absl::OkStatus();
  return InvalidField(field, "must be empty or the id of this session");
}

FrameOrigin OriginOf(const Admission& admission, FrameOrigin::Kind kind) {
  return {.room = admission.channel->room().key, .offset = admission.response.position().offset(), .kind = kind};
}

}  // namespace

FramePtr MakeSnapshot(const Admission& admission, EncodingSet encoding) {
  const v1::JoinResponse& joined = admission.response;
  v1::ServerFrame frame;
  v1::Snapshot& snapshot = *frame.mutable_snapshot();
  snapshot.set_recovered(joined.recovered());
  *snapshot.mutable_room() = joined.room();
  snapshot.set_member_id(joined.member_id());
  *snapshot.mutable_position() = joined.position();
  *snapshot.mutable_members() = joined.members();
  return EncodeFrame(frame, encoding, admission.state, OriginOf(admission, FrameOrigin::Kind::kSnapshot));
}

Session::Session(SessionHub& hub, SessionKey key, std::string id, std::string user_id, std::string client)
    : hub_(hub),
      gaps_(*this),
      key_(key),
      self_(Caller::Client({.session_id = std::move(id), .user_id = std::move(user_id)})),
      rate_(hub.settings().rate, hub.settings().burst, hub.shard().Now()),
      client_(std::move(client)),
      create_time_(hub.shard().Now()) {}

v1::Session Session::Describe() const {
  v1::Session session;
  session.set_id(id());
  session.set_user_id(user_id());
  session.set_transport(std::string(TransportName(encoding_)));
  session.set_client(client_);
  for (const auto& [room_id, room] : seats_.rooms()) {
    if (room.channel != nullptr) session.add_room_ids(room_id);
  }
  session.set_connected(connection_ != nullptr);
  if (connection_ != nullptr) session.set_queue_bytes(static_cast<int64_t>(connection_->outbox().bytes()));
  *session.mutable_create_time() = ToTimestamp(create_time_);
  return session;
}

EncodingSet Session::own_encoding() const { return {encoding_, &hub_.deflater()}; }

ComponentHost& Session::components() {
  if (components_ == nullptr) components_ = std::make_unique<ComponentHost>(*this);
  return *components_;
}

MemberIdentity Session::Self() const {
  return {.id = id(),
          .user_id = user_id(),
          .address = address_,
          .session = key_,
          .shard = &hub_.shard(),
          .encoding = encoding_};
}

std::optional<MemberIdentity> Session::FindMember(absl::string_view id) const {
  if (id == self_.member_id()) return Self();
  const MemberIdentity* component = components_ == nullptr ? nullptr : components_->FindMember(id);
  return component == nullptr ? std::nullopt : std::make_optional(*component);
}

std::vector<std::string> Session::MembersIn(const std::string& room_id) const {
  std::vector<std::string> ids;
  const Seats::InRoom* const room = seats_.Find(room_id);
  if (room == nullptr) return ids;
  for (const Seats::Seat& seat : room->seats) {
    if (seat.in) ids.push_back(seat.component == 0 ? id() : components_->IdOf(seat.component));
  }
  return ids;
}

// ---- Requests

Caller Session::AsMember(std::string member_id) const {
  return Caller::Client({.session_id = id(), .user_id = user_id(), .member_id = std::move(member_id)});
}

Caller Session::AsMemberOf(const std::string& room_id) const {
  const Seats::InRoom* const room = components_ == nullptr ? nullptr : seats_.Find(room_id);
  if (room == nullptr) return self_;
  SessionKey member = room->seats.front().component;
  for (const Seats::Seat& seat : room->seats) member = std::min(member, seat.component);
  return member == 0 ? self_ : AsMember(components_->IdOf(member));
}

absl::StatusOr<Caller> Session::AsEmitter(const v1::EmitRequest& request) const {
  if (!request.member_id().empty()) {
    if (FindMember(request.member_id())) return AsMember(request.member_id());
    return InvalidField("memberId", "must be the id of this session or of a component of it");
  }
  Caller caller = AsMemberOf(request.room_id());
  if (caller.member_id() != id() && seats_.Find(request.room_id())->seats.size() > 1) {
    return InvalidField("memberId", "is required: several components of this session are in the room");
  }
  return caller;
}

void Session::OnRequest(ClientRequest&& request) {
  const uint32_t id = request.id;
  if (!rate_.Take(hub_.shard().Now())) return hub_.ReplyError(*connection_, id, RateLimited());
  if (!request.status.ok()) return hub_.ReplyError(*connection_, id, request.status);
  v1::ClientFrame& frame = request.frame;
  const std::string& name = v1::ClientFrame::descriptor()->FindFieldByNumber(frame.request_case())->json_name();
  switch (frame.request_case()) {
    case v1::ClientFrame::kJoin: return JoinForClient(id, std::move(*frame.mutable_join()));
    case v1::ClientFrame::kLeave: {
      const absl::Status own = ValidateOwnMember("leave.memberId", frame.leave().member_id(), self_.member_id());
      if (!own.ok()) return hub_.ReplyError(*connection_, id, own);
      return Leave(id, std::move(*frame.mutable_leave()));
    }
    case v1::ClientFrame::kEmit:
      return Emit(id, name, {Boxed(absl::WrapUnique(frame.release_emit())), std::move(request.payload)});
    case v1::ClientFrame::kSetState: {
      const Caller caller = AsMemberOf(frame.set_state().room_id());
      return Ask<v1::SetStateRequest, v1::SetStateResponse>(
          id, name, caller, &RoomApi::SetState,
          {Boxed(absl::WrapUnique(frame.release_set_state())), std::move(request.payload)},
          &v1::Reply::mutable_set_state);
    }
    case v1::ClientFrame::kGetState: {
      const Caller caller = AsMemberOf(frame.get_state().room_id());
      return Ask<v1::GetStateRequest, v1::GetStateResponse>(id, name, caller, &RoomApi::GetState,
                                                            {Boxed(absl::WrapUnique(frame.release_get_state()))},
                                                            &v1::Reply::mutable_get_state);
    }
    case v1::ClientFrame::kCall:
      return Call(id, name, {Boxed(absl::WrapUnique(frame.release_call())), std::move(request.payload)});
    case v1::ClientFrame::kMount:
      return components().Mount({Boxed(absl::WrapUnique(frame.release_mount())), std::move(request.payload)},
                                Answer(id, name, &v1::Reply::mutable_mount));
    case v1::ClientFrame::kUnmount:
      return components().Unmount(frame.unmount(), Answer(id, name, &v1::Reply::mutable_unmount));
    case v1::ClientFrame::kHello:
    case v1::ClientFrame::REQUEST_NOT_SET:
      return hub_.ReplyError(*connection_, id,
                             MakeError(absl::StatusCode::kFailedPrecondition, "HELLO_TWICE",
                                       "hello: only the first frame of a connection"));
  }
}

void Session::JoinForClient(uint32_t id, v1::JoinRequest request) {
  const absl::Status own = ValidateOwnMember("join.memberId", request.member_id(), self_.member_id());
  if (!own.ok()) return hub_.ReplyError(*connection_, id, own);
  Join(self_, Self(), std::move(request),
       [&hub = hub_, key = key_, generation = generation_, id](absl::StatusOr<Admission> admission) {
         Session* self = hub.FindByKey(key);
         if (self == nullptr || self->connection_ == nullptr) return;
         if (!self->Answers(generation)) {
           if (admission.ok() && !admission->again) self->SendSnapshot(*admission);
           return;
         }
         if (!admission.ok()) return hub.ReplyError(*self->connection_, id, PrefixField("join", admission.status()));
         if (id == 0) return;
         v1::ServerFrame frame;
         v1::Reply& reply = *frame.mutable_reply();
         reply.set_id(id);
         *reply.mutable_join() = admission->response;
         // One that was in the room already is told again, and nothing begins with that.
         const FrameOrigin origin = admission->again ? FrameOrigin() : OriginOf(*admission, FrameOrigin::Kind::kJoined);
         self->SendState(EncodeFrame(frame, self->own_encoding(), admission->state, origin), *admission);
       });
}

void Session::Leave(uint32_t id, v1::LeaveRequest request) {
  auto answer = [this, generation = generation_, room_id = request.room_id(),
                 reply = Answer(id, "leave", &v1::Reply::mutable_leave)](auto response) mutable {
    // Else who has come back meanwhile would not know.
    if (response.ok() && !Answers(generation)) return TellLeft(room_id, self_.member_id());
    reply(std::move(response));
  };
  hub_.api().Leave(
      self_, {std::move(request)}, [&hub = hub_, key = key_, answer = std::move(answer)](auto response) mutable {
        hub.shard().Post([&hub, key, answer = std::move(answer), response = std::move(response)]() mutable {
          if (hub.FindByKey(key) != nullptr) answer(std::move(response));
        });
      });
}

void Session::Emit(uint32_t id, absl::string_view name, WithPayload<v1::EmitRequest> request) {
  absl::StatusOr<Caller> caller = AsEmitter(*request.message);
  if (!caller.ok()) return hub_.ReplyError(*connection_, id, PrefixField(name, caller.status()));
  request.errors_only = id == 0;
  Ask<v1::EmitRequest, v1::EmitResponse>(id, name, *caller, &RoomApi::Emit, std::move(request),
                                         &v1::Reply::mutable_emit);
}

void Session::Call(uint32_t id, absl::string_view name, WithPayload<v1::CallRequest> request) {
  if (request.message->has_component_id()) {
    return components().Call(std::move(request), Answer(id, name, &v1::Reply::mutable_call));
  }
  const Caller caller = AsMemberOf(request.message->room_id());
  Ask<v1::CallRequest, v1::CallResponse>(id, name, caller, &RoomApi::Call, std::move(request),
                                         &v1::Reply::mutable_call);
}

template <typename Response>
Done<Response> Session::Answer(uint32_t id, absl::string_view name, Response* (v1::Reply::*result)()) {
  return [&hub = hub_, key = key_, generation = generation_, id, name,
          result](absl::StatusOr<WithPayload<Response>> response) {
    Session* self = hub.FindByKey(key);
    if (self == nullptr || !self->Answers(generation)) return;
    if (!response.ok()) return hub.ReplyError(*self->connection_, id, PrefixField(name, response.status()));
    if (id == 0) return;
    v1::ServerFrame frame;
    v1::Reply& reply = *frame.mutable_reply();
    reply.set_id(id);
    *(reply.*result)() = std::move(*response->message);
    self->Send(EncodeFrame(frame, self->own_encoding(), response->payload));
  };
}

template <typename Request, typename Response>
void Session::Ask(uint32_t id, absl::string_view name, const Caller& caller,
                  void (RoomApi::*verb)(const Caller&, WithPayload<Request>, Done<Response>),
                  WithPayload<Request> request, Response* (v1::Reply::*result)()) {
  (hub_.api().*verb)(caller, std::move(request),
                     [&shard = hub_.shard(), id, answer = Answer(id, name, result)](auto response) mutable {
                       if (id == 0 && response.ok()) return;
                       shard.Post([answer = std::move(answer), response = std::move(response)]() mutable {
                         answer(std::move(response));
                       });
                     });
}

// ---- Rooms

void Session::Bring(const Caller& caller, MemberIdentity who, v1::JoinRequest request, JoinDone told) {
  Join(caller, std::move(who), std::move(request),
       [&hub = hub_, key = key_, told = std::move(told)](absl::StatusOr<Admission> admission) mutable {
         Session* const self = hub.FindByKey(key);
         if (self != nullptr && admission.ok() && !admission->again) self->SendSnapshot(*admission);
         told(std::move(admission));
       });
}

void Session::SendSnapshot(const Admission& admission) {
  if (connection_ != nullptr) SendState(MakeSnapshot(admission, own_encoding()), admission);
}

void Session::SendState(const FramePtr& frame, const Admission& admission) {
  const std::string& room_id = admission.response.room().id();
  const bool gap = gaps_.contains(room_id);
  Send(frame);
  // What comes is what follows on this state.
  if (gap && connection_ != nullptr) gaps_.GoOnFrom(room_id, admission.response.position());
}

void Session::Join(const Caller& caller, MemberIdentity who, v1::JoinRequest request, JoinDone told) {
  const std::string room_id = request.room_id();
  const SessionKey component = who.component;
  if (absl::Status refusal = seats_.Begin(room_id, component, hub_.settings().max_rooms); !refusal.ok()) {
    return hub_.shard().Post([refusal, told = std::move(told)]() mutable { told(refusal); });
  }
  const Encoding encoding = who.encoding;
  hub_.api().Admit(
      caller, std::move(who), std::move(request),
      [&hub = hub_, key = key_, component, encoding, room_id, told = std::move(told)](auto admission) mutable {
        hub.shard().Post([&hub, key, component, encoding, room_id = std::move(room_id), told = std::move(told),
                          admission = std::move(admission)]() mutable {
          // A session that is gone was taken out of the room by its End.
          Session* self = hub.FindByKey(key);
          if (self == nullptr) return told(SessionEnded());
          self->OnAdmission(room_id, component, encoding, std::move(admission), std::move(told));
        });
      });
}

void Session::OnAdmission(const std::string& room_id, SessionKey component, Encoding encoding,
                          absl::StatusOr<Admission> admission, JoinDone told) {
  if (!admission.ok() || admission->again) {
    seats_.Unchanged(room_id, component);
    return told(std::move(admission));
  }
  Channel& channel = *admission->channel;
  const v1::Position position = admission->response.room().position();
  const bool first_of_session = admission->first_of_session;
  seats_.Admitted(room_id, component, admission->channel);
  std::vector<FramePtr> missed;
  if (first_of_session) {
    channel.Add(hub_.shard().index(), key_, *this, position.offset());
    missed = std::move(admission->missed);
  }
  if (component != 0) components().OnJoined(component, room_id, channel);
  told(std::move(admission));
  if (connection_ == nullptr) {
    gaps_.OpenUnknown(room_id);
    absence_->OnJoined(room_id);
    return;
  }
  for (const FramePtr& frame : missed) connection_->SendMissed(frame);
  // The client has come back in another encoding since it asked: the room is to know.
  if (first_of_session && encoding != encoding_) gaps_.GoOnFrom(room_id, position);
}

void Session::End() {
  absence_ = nullptr;
  for (const auto& [room_id, room] : seats_.rooms()) {
    if (room.channel != nullptr) room.channel->Remove(hub_.shard().index(), key_);
    for (const Seats::Seat& seat : room.seats) {
      const std::string& member = seat.component == 0 ? id() : components_->IdOf(seat.component);
      hub_.api().Disconnect(room_id, member, /*tell=*/false);
    }
  }
  if (components_ != nullptr) components_->End();
}

void Session::Send(const FramePtr& frame) {
  if (connection_ != nullptr) connection_->Send(frame);
}

void Session::OnRemoved(const std::string& room_id, const Removal& removal) {
  seats_.Remove(room_id, removal.component);
  const Seats::InRoom* const room = seats_.Find(room_id);
  if (room == nullptr || room->channel == nullptr) gaps_.Forget(room_id);
  if (absence_ != nullptr) {
    absence_->OnRemoved(room_id, removal.left);
  } else if (removal.left != nullptr) {
    Send(removal.left);
  }
  if (removal.component != 0) components().OnRemoved(removal.component, room_id, removal.reason);
}

}  // namespace atrium
