#include "server/session/session.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/api/validate.h"
#include "server/live/room_errors.h"
#include "server/session/connection.h"
#include "server/session/session_hub.h"

namespace atrium {
namespace {

absl::Status TooManyRooms(int limit) {
  return MakeError(absl::StatusCode::kResourceExhausted, "TOO_MANY_ROOMS",
                   absl::StrCat("A session may be in ", limit, " rooms"));
}

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

}  // namespace

Session::Session(SessionHub& hub, Connection& connection, SessionKey key, std::string id, std::string user_id,
                 std::string client)
    : hub_(hub),
      connection_(connection),
      key_(key),
      id_(std::move(id)),
      user_id_(std::move(user_id)),
      client_(std::move(client)),
      create_time_(hub.shard().Now()),
      rate_(hub.settings().rate, hub.settings().burst, create_time_) {}

v1::Session Session::Describe() const {
  v1::Session session;
  session.set_id(id_);
  session.set_user_id(user_id_);
  session.set_transport(std::string(TransportName(connection_.encoding())));
  session.set_client(client_);
  for (const auto& [room_id, channel] : rooms_) {
    if (channel != nullptr) session.add_room_ids(room_id);
  }
  session.set_queue_bytes(static_cast<int64_t>(connection_.queue_bytes()));
  *session.mutable_create_time() = ToTimestamp(create_time_);
  return session;
}

Caller Session::AsCaller() const { return {.kind = Caller::Kind::kClient, .session_id = id_, .user_id = user_id_}; }

void Session::OnRequest(ClientRequest request) {
  const uint32_t id = request.id;
  if (!rate_.Take(hub_.shard().Now())) return hub_.ReplyError(connection_, id, RateLimited());
  if (!request.status.ok()) return hub_.ReplyError(connection_, id, request.status);
  v1::ClientFrame& frame = request.frame;
  const std::string& name = v1::ClientFrame::descriptor()->FindFieldByNumber(frame.request_case())->json_name();
  switch (frame.request_case()) {
    case v1::ClientFrame::kJoin: return JoinForClient(id, std::move(*frame.mutable_join()));
    case v1::ClientFrame::kLeave: {
      const absl::Status own = ValidateOwnMember("leave.memberId", frame.leave().member_id(), id_);
      if (!own.ok()) return hub_.ReplyError(connection_, id, own);
      return Ask<v1::LeaveRequest, v1::LeaveResponse>(id, name, &RoomApi::Leave, {std::move(*frame.mutable_leave())},
                                                      &v1::Reply::mutable_leave);
    }
    case v1::ClientFrame::kEmit:
      return Ask<v1::EmitRequest, v1::EmitResponse>(id, name, &RoomApi::Emit,
                                                    {std::move(*frame.mutable_emit()), std::move(request.payload)},
                                                    &v1::Reply::mutable_emit);
    case v1::ClientFrame::kSetState:
      return Ask<v1::SetStateRequest, v1::SetStateResponse>(
          id, name, &RoomApi::SetState, {std::move(*frame.mutable_set_state()), std::move(request.payload)},
          &v1::Reply::mutable_set_state);
    case v1::ClientFrame::kGetState:
      return Ask<v1::GetStateRequest, v1::GetStateResponse>(
          id, name, &RoomApi::GetState, {std::move(*frame.mutable_get_state())}, &v1::Reply::mutable_get_state);
    case v1::ClientFrame::kCall:
      return Ask<v1::CallRequest, v1::CallResponse>(id, name, &RoomApi::Call,
                                                    {std::move(*frame.mutable_call()), std::move(request.payload)},
                                                    &v1::Reply::mutable_call);
    case v1::ClientFrame::kHello:
    case v1::ClientFrame::REQUEST_NOT_SET:
      return hub_.ReplyError(connection_, id,
                             MakeError(absl::StatusCode::kFailedPrecondition, "HELLO_TWICE",
                                       "hello: only the first frame of a connection"));
  }
}

void Session::JoinForClient(uint32_t id, v1::JoinRequest request) {
  const absl::Status own = ValidateOwnMember("join.memberId", request.member_id(), id_);
  if (!own.ok()) return hub_.ReplyError(connection_, id, own);
  Join(AsCaller(), std::move(request), [&hub = hub_, key = key_, id](absl::StatusOr<Admission> admission) {
    Session* self = hub.FindByKey(key);
    if (self == nullptr) return;
    if (!admission.ok()) return hub.ReplyError(self->connection_, id, PrefixField("join", admission.status()));
    if (id == 0) return;
    v1::Reply reply;
    reply.set_id(id);
    *reply.mutable_join() = std::move(admission->response);
    self->Reply(std::move(reply), admission->state);
  });
}

void Session::Join(const Caller& caller, v1::JoinRequest request, JoinDone told) {
  const std::string room_id = request.room_id();
  const auto it = rooms_.find(room_id);
  if (it == rooms_.end()) {
    const int limit = hub_.settings().max_rooms;
    if (limit > 0 && static_cast<int>(rooms_.size()) >= limit) return told(TooManyRooms(limit));
    rooms_.emplace(room_id, nullptr);
  } else if (it->second == nullptr) {
    return told(JoinPending());
  }
  const MemberIdentity self{.id = id_,
                            .user_id = user_id_,
                            .address = connection_.address(),
                            .session = key_,
                            .shard = &hub_.shard(),
                            .encoding = connection_.encoding()};
  hub_.api().Admit(caller, self, std::move(request),
                   [&hub = hub_, key = key_, room_id, told = std::move(told)](auto admission) mutable {
                     hub.shard().Post([&hub, key, room_id = std::move(room_id), told = std::move(told),
                                       admission = std::move(admission)]() mutable {
                       // A session that is gone was taken out of the room by its End.
                       Session* self = hub.FindByKey(key);
                       if (self == nullptr) return told(SessionEnded());
                       self->OnAdmission(room_id, std::move(admission), std::move(told));
                     });
                   });
}

void Session::OnAdmission(const std::string& room_id, absl::StatusOr<Admission> admission, JoinDone told) {
  if (!admission.ok()) {
    const auto it = rooms_.find(room_id);
    if (it != rooms_.end() && it->second == nullptr) rooms_.erase(it);
  } else if (!admission->again) {
    rooms_[room_id] = admission->channel;
    admission->channel->Add(hub_.shard().index(), key_, *this);
  }
  told(std::move(admission));
}

void Session::End() {
  for (const auto& [room_id, channel] : rooms_) {
    if (channel != nullptr) channel->Remove(hub_.shard().index(), key_);
    hub_.api().Disconnect(room_id, id_);
  }
  rooms_.clear();
}

void Session::Send(const FramePtr& frame) { connection_.Send(frame); }

void Session::OnRemoved(const std::string& room_id, const FramePtr& left) {
  rooms_.erase(room_id);
  if (left != nullptr) Send(left);
}

template <typename Request, typename Response>
void Session::Ask(uint32_t id, absl::string_view name,
                  void (RoomApi::*verb)(const Caller&, WithPayload<Request>, Done<Response>),
                  WithPayload<Request> request, Response* (v1::Reply::*result)()) {
  (hub_.api().*verb)(AsCaller(), std::move(request),
                     [&hub = hub_, key = key_, id, name, result](absl::StatusOr<WithPayload<Response>> response) {
                       if (id == 0 && response.ok()) return;
                       hub.shard().Post([&hub, key, id, name, result, response = std::move(response)]() mutable {
                         Session* self = hub.FindByKey(key);
                         if (self == nullptr) return;
                         if (!response.ok())
                           return hub.ReplyError(self->connection_, id, PrefixField(name, response.status()));
                         v1::Reply reply;
                         reply.set_id(id);
                         *(reply.*result)() = std::move(response->message);
                         self->Reply(std::move(reply), response->payload);
                       });
                     });
}

void Session::Reply(v1::Reply reply, const Payload& payload) {
  v1::ServerFrame frame;
  *frame.mutable_reply() = std::move(reply);
  Send(EncodeFrame(frame, connection_.encoding(), payload));
}

}  // namespace atrium
