#include "server/session/client_requests.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "server/common/errors.h"
#include "server/session/component_host.h"
#include "server/session/connection.h"
#include "server/session/gaps.h"
#include "server/session/joins.h"
#include "server/session/room_frames.h"
#include "server/session/session_core.h"
#include "server/session/session_hub.h"

namespace atrium {
namespace {

// A client acts as itself; it may say so.
absl::Status ValidateOwnMember(absl::string_view field, absl::string_view member_id, absl::string_view own) {
  if (member_id.empty() || member_id == own) return absl::OkStatus();
  return InvalidField(field, "must be empty or the id of this session");
}

absl::Status HelloTwice() {
  return MakeError(absl::StatusCode::kFailedPrecondition, "HELLO_TWICE", "hello: only the first frame of a connection");
}

}  // namespace

void ClientRequests::Take(ClientRequest&& request) {
  const uint32_t id = request.id;
  if (!request.status.ok()) return AnswerError(id, request.status);
  v1::ClientFrame& frame = request.frame;
  const auto* const field = v1::ClientFrame::descriptor()->FindFieldByNumber(frame.request_case());
  if (field == nullptr) return AnswerError(id, NoRequest());
  const std::string& name = field->json_name();
  switch (frame.request_case()) {
    case v1::ClientFrame::kJoin: return Join(id, std::move(*frame.mutable_join()));
    case v1::ClientFrame::kLeave: return Leave(id, std::move(*frame.mutable_leave()));
    case v1::ClientFrame::kEmit:
      return Emit(id, name, {Boxed(absl::WrapUnique(frame.release_emit())), std::move(request.payload)});
    case v1::ClientFrame::kSetState: {
      const Caller caller = AsMemberOf(frame.set_state().room_id());
      return Ask<Verb::kSetState, v1::SetStateRequest>(
          id, name, caller, {Boxed(absl::WrapUnique(frame.release_set_state())), std::move(request.payload)},
          &v1::Reply::mutable_set_state);
    }
    case v1::ClientFrame::kGetState: return GetState(id, std::move(*frame.mutable_get_state()));
    case v1::ClientFrame::kCall:
      return Call(id, name, {Boxed(absl::WrapUnique(frame.release_call())), std::move(request.payload)});
    case v1::ClientFrame::kMount:
      return components_.Mount({Boxed(absl::WrapUnique(frame.release_mount())), std::move(request.payload)},
                               AnswerTo(id, name, &v1::Reply::mutable_mount));
    case v1::ClientFrame::kUnmount:
      return components_.Unmount(frame.unmount(), AnswerTo(id, name, &v1::Reply::mutable_unmount));
    case v1::ClientFrame::kRefresh: return Refresh(id, frame.refresh());
    case v1::ClientFrame::kHello: return AnswerError(id, HelloTwice());
    case v1::ClientFrame::REQUEST_NOT_SET: return;  // It is answered above, as it has no name.
  }
}

// ---- In whose name

Caller ClientRequests::AsMember(std::string member_id) const { return core_.caller().As(std::move(member_id)); }

Caller ClientRequests::Entered(Caller caller, const std::string& room_id) const {
  // Where there are no grants nobody asks for it.
  return caller.client() == nullptr ? caller : caller.Entered(core_.seats().EntryTo(room_id, caller.member_id()));
}

Caller ClientRequests::AsMemberOf(const std::string& room_id) const {
  const Seats& seats = core_.seats();
  const Seats::InRoom* const room = seats.components().empty() ? nullptr : seats.Find(room_id);
  if (room == nullptr) return Entered(core_.caller(), room_id);
  SessionKey member = room->seats.front().component;
  for (const Seats::Seat& seat : room->seats) member = std::min(member, seat.component);
  return Entered(member == 0 ? core_.caller() : AsMember(seats.IdOf(member)), room_id);
}

absl::StatusOr<Caller> ClientRequests::AsEmitter(const v1::EmitRequest& request) const {
  const std::string& member = request.member_id();
  if (!member.empty()) {
    if (member == core_.id() || components_.FindMember(member) != nullptr) {
      return Entered(AsMember(member), request.room_id());
    }
    return InvalidField("memberId", "must be the id of this session or of a component of it");
  }
  Caller caller = AsMemberOf(request.room_id());
  if (caller.member_id() != core_.id() && core_.seats().Find(request.room_id())->seats.size() > 1) {
    return InvalidField("memberId", "is required: several components of this session are in the room");
  }
  return caller;
}

// ---- Requests

void ClientRequests::Join(uint32_t id, v1::JoinRequest request) {
  const absl::Status own = ValidateOwnMember("join.memberId", request.member_id(), core_.id());
  if (!own.ok()) return AnswerError(id, own);
  joins_.Join(core_.caller(), core_.Identity(), std::move(request),
              core_.WhileThere([this, generation = core_.generation(), id](absl::StatusOr<Admission> admission) {
                OnJoined(id, generation, std::move(admission));
              }));
}

void ClientRequests::OnJoined(uint32_t id, uint32_t generation, absl::StatusOr<Admission> admission) {
  if (!MayAnswer(generation)) {
    if (admission.ok() && !admission->again) joins_.SendSnapshot(*admission);
    return;
  }
  OnDecided(id);
  if (!admission.ok()) return AnswerError(id, PrefixField("join", admission.status()));
  if (id == 0) return;
  const std::string& room_id = admission->response.room().id();
  v1::ClientFrame again;
  again.set_id(id);
  again.mutable_join()->set_room_id(room_id);
  if (AnswerLater(std::move(again), admission->state)) {
    if (!admission->again) gaps_.OpenUnknown(room_id);
    return;
  }
  v1::ServerFrame frame;
  v1::Reply& reply = *frame.mutable_reply();
  reply.set_id(id);
  // A client that was in the room already is told again, and nothing begins with that.
  const FrameOrigin origin = admission->again ? FrameOrigin() : OriginOf(*admission, FrameOrigin::Kind::kJoined);
  *reply.mutable_join() = std::move(admission->response);
  joins_.SendState(EncodeFrame(frame, core_.own_encoding(), admission->state, origin), reply.join());
}

void ClientRequests::Leave(uint32_t id, v1::LeaveRequest request) {
  const absl::Status own = ValidateOwnMember("leave.memberId", request.member_id(), core_.id());
  if (!own.ok()) return AnswerError(id, own);
  auto answer = [this, generation = core_.generation(), room_id = request.room_id(),
                 reply = AnswerTo(id, "leave", &v1::Reply::mutable_leave)](auto response) mutable {
    if (response.ok() && !MayAnswer(generation)) return TellLeave(room_id);
    reply(std::move(response));
  };
  RunVerb(core_.env().api, RowOf<kRoomVerbs, Verb::kLeave>(), core_.caller(), {std::move(request)},
          core_.BehindTheRoom(std::move(answer)));
}

void ClientRequests::TellLeave(const std::string& room_id) {
  Departures& departures = core_.departures();
  const Departures::Departure* const gone = departures.Find(room_id, /*component=*/0);
  // It has taken back a join, of which the client does not know either.
  if (gone == nullptr) return;
  if (core_.connection() == nullptr) return departures.MarkUnsent(gone->room, gone->component);
  core_.Send(MakeLeft(*gone, core_.encoding()));
}

void ClientRequests::Emit(uint32_t id, absl::string_view name, WithPayload<v1::EmitRequest> request) {
  const absl::StatusOr<Caller> caller = AsEmitter(*request.message);
  if (!caller.ok()) return AnswerError(id, PrefixField(name, caller.status()));
  request.errors_only = id == 0;
  Ask<Verb::kEmit>(id, name, *caller, std::move(request), &v1::Reply::mutable_emit);
}

void ClientRequests::GetState(uint32_t id, v1::GetStateRequest request) {
  const Caller caller = AsMemberOf(request.room_id());
  v1::ClientFrame again;
  again.set_id(id);
  *again.mutable_get_state() = request;
  auto answer = [this, generation = core_.generation(), again = std::move(again),
                 reply = AnswerTo(id, "getState", &v1::Reply::mutable_get_state)](auto response) mutable {
    OnDecided(again.id());
    if (response.ok() && MayAnswer(generation) && AnswerLater(std::move(again), response->payload)) return;
    reply(std::move(response));
  };
  RunVerb(core_.env().api, RowOf<kRoomVerbs, Verb::kGetState>(), caller, {std::move(request)},
          core_.BehindTheRoom(std::move(answer)));
}

void ClientRequests::Call(uint32_t id, absl::string_view name, WithPayload<v1::CallRequest> request) {
  if (request.message->has_component_id()) {
    return components_.Call(std::move(request), AnswerTo(id, name, &v1::Reply::mutable_call));
  }
  const Caller caller = AsMemberOf(request.message->room_id());
  Ask<Verb::kCall>(id, name, caller, std::move(request), &v1::Reply::mutable_call);
}

void ClientRequests::Refresh(uint32_t id, const v1::RefreshRequest& request) {
  Connection& connection = *core_.connection();
  const absl::StatusOr<absl::Time> expires = connection.hub().Refresh(*connection.session(), request.token());
  if (!expires.ok()) {
    AnswerError(id, expires.status());
    const CloseCode code = SaysExpired(expires.status()) ? CloseCode::kTokenExpired : CloseCode::kUnauthenticated;
    return connection.Close(code, expires.status().message());
  }
  if (id == 0) return;
  v1::ServerFrame frame;
  v1::Reply& reply = *frame.mutable_reply();
  reply.set_id(id);
  *reply.mutable_refresh()->mutable_expire_time() = ToTimestamp(*expires);
  core_.Send(EncodeFrame(frame, core_.own_encoding()));
}

// ---- Answers

bool ClientRequests::MayAnswer(uint32_t generation) const {
  return core_.connection() != nullptr && generation == core_.generation();
}

void ClientRequests::AnswerError(uint32_t id, const absl::Status& error) { core_.connection()->SendError(id, error); }

template <typename Response>
Done<Response> ClientRequests::AnswerTo(uint32_t id, absl::string_view name, Response* (v1::Reply::*result)()) {
  return core_.WhileThere(
      [this, generation = core_.generation(), id, name, result](absl::StatusOr<WithPayload<Response>>&& response) {
        if (!MayAnswer(generation)) return;
        if (!response.ok()) return AnswerError(id, PrefixField(name, response.status()));
        if (id == 0) return;
        v1::ServerFrame frame;
        v1::Reply& reply = *frame.mutable_reply();
        reply.set_id(id);
        *(reply.*result)() = std::move(*response->message);
        core_.Send(EncodeFrame(frame, core_.own_encoding(), response->payload));
      });
}

template <Verb verb, typename Request, typename Response>
void ClientRequests::Ask(uint32_t id, absl::string_view name, const Caller& caller, WithPayload<Request> request,
                         Response* (v1::Reply::*result)()) {
  RunVerb(core_.env().api, RowOf<kRoomVerbs, verb>(), caller, std::move(request),
          [id, answer = atrium::BehindTheRoom(core_.env().shard, AnswerTo(id, name, result))](auto response) mutable {
            // Nobody waits for it.
            if (id == 0 && response.ok()) return;
            answer(std::move(response));
          });
}

// ---- Answers that wait for room in the queue

bool ClientRequests::AnswerLater(v1::ClientFrame request, const Payload& state) {
  if (request.id() == 0 || core_.connection()->Takes(state)) return false;
  if (late_ == nullptr) late_ = std::make_unique<Late>();
  late_->requests.push_back(std::move(request));
  return true;
}

void ClientRequests::OnDecided(uint32_t id) {
  if (late_ != nullptr && late_->asked == id) late_->asked = 0;
}

void ClientRequests::AskLate() {
  if (late_->asked != 0) return;
  if (late_->requests.empty()) {
    late_ = nullptr;
    return;
  }
  v1::ClientFrame request = std::move(late_->requests.front());
  late_->requests.pop_front();
  late_->asked = request.id();
  if (request.has_join()) return Join(request.id(), std::move(*request.mutable_join()));
  GetState(request.id(), std::move(*request.mutable_get_state()));
}

}  // namespace atrium
