#include "server/session/component_host.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/api/refuse.h"
#include "server/api/validate.h"
#include "server/live/component_errors.h"
#include "server/live/room_errors.h"
#include "server/live/room_id.h"
#include "server/session/session.h"
#include "server/session/session_hub.h"

namespace atrium {

// One component, as its runtime sees the session, and as rooms see it.
class ComponentHost::Mounted final : public ComponentSink {
 public:
  Mounted(Session& session, const ComponentTypeInfo& type, MemberIdentity self)
      : session_(session),
        self_(std::move(self)),
        runtime_(std::make_shared<ComponentRuntime>(
            type, MemberInfo{.id = self_.id, .user_id = self_.user_id}, *this,
            ComponentRuntime::Env{session.hub().shard(), session.hub().log(),
                                  session.hub().api().settings().max_state_bytes})) {}

  const MemberIdentity& self() const { return self_; }
  ComponentRuntime& runtime() { return *runtime_; }
  // The client knows of it.
  bool ready = false;

  void Send(const ComponentDelta& delta) override {
    if (session_.connection() != nullptr) session_.Send(EncodeComponentPatch(delta, session_.own_encoding()));
  }

  // Over another connection, with the whole state.
  void GoOn() {
    self_.address = session_.address();
    self_.encoding = session_.encoding();
    if (!runtime_->started()) return;
    PatchOp whole{.kind = PatchOp::Kind::kReplace, .value = std::string(runtime_->StateJson().Json())};
    Send({.component_id = self_.id, .version = runtime_->version(), .operations = {std::move(whole)}});
  }

  void Join(const std::string& room_id, Payload payload, Done<absl::Status> done) override {
    v1::JoinRequest request;
    request.set_room_id(room_id);
    if (!payload.empty()) *request.mutable_payload() = payload.ToValue();
    session_.Bring(
        AsCaller(), self_, std::move(request),
        [done = std::move(done)](const absl::StatusOr<Admission>& admission) mutable { done(admission.status()); });
  }

  void Leave(const std::string& room_id, Done<absl::Status> done) override {
    v1::LeaveRequest request;
    request.set_room_id(room_id);
    request.set_member_id(self_.id);
    // Its client is told by a `left` frame, as of any leave that it has not asked for itself.
    api().Leave(
        Caller::Service(), {std::move(request)},
        Later<absl::Status, v1::LeaveResponse>(std::move(done), [](auto response) { return response.status(); }));
  }

  void Call(const std::string& room_id, std::string method, Payload args, std::string idempotency_key,
            Done<absl::StatusOr<Payload>> done) override {
    v1::CallRequest request;
    request.set_idempotency_key(std::move(idempotency_key));
    request.set_room_id(room_id);
    request.set_method(std::move(method));
    api().Call(AsCaller(), {std::move(request), std::move(args)},
               Later<absl::StatusOr<Payload>, v1::CallResponse>(std::move(done), &PayloadOf<v1::CallResponse>));
  }

  void Emit(const std::string& room_id, std::string event, Payload data, HandleEmitOptions options,
            Done<absl::StatusOr<int>> done) override {
    v1::EmitRequest request;
    request.set_room_id(room_id);
    request.set_event(std::move(event));
    request.set_include_self(options.include_self);
    request.set_volatile_(options.is_volatile);
    const auto notified = [](absl::StatusOr<WithPayload<v1::EmitResponse>> response) -> absl::StatusOr<int> {
      if (!response.ok()) return response.status();
      return response->message->notified();
    };
    api().Emit(AsCaller(), {std::move(request), std::move(data)},
               Later<absl::StatusOr<int>, v1::EmitResponse>(std::move(done), notified));
  }

  void GetState(const std::string& room_id, Done<absl::StatusOr<Payload>> done) override {
    v1::GetStateRequest request;
    request.set_room_id(room_id);
    api().GetState(
        AsCaller(), {std::move(request)},
        Later<absl::StatusOr<Payload>, v1::GetStateResponse>(std::move(done), &PayloadOf<v1::GetStateResponse>));
  }

 private:
  RoomApi& api() { return session_.hub().api(); }
  Caller AsCaller() const {
    return Caller::Component({.session_id = session_.id(), .user_id = self_.user_id, .member_id = self_.id});
  }

  // Answers through the shard's mailbox, behind the room's frames.
  template <typename Answer, typename Response, typename Read>
  atrium::Done<Response> Later(Done<Answer> done, Read read) {
    return [&shard = session_.hub().shard(), read,
            done = std::move(done)](absl::StatusOr<WithPayload<Response>> response) mutable {
      shard.Post([read, done = std::move(done), response = std::move(response)]() mutable {
        done(read(std::move(response)));
      });
    };
  }
  template <typename Response>
  static absl::StatusOr<Payload> PayloadOf(absl::StatusOr<WithPayload<Response>> response) {
    if (!response.ok()) return response.status();
    return std::move(response->payload);
  }

  Session& session_;
  MemberIdentity self_;
  // Shared with whoever waits in it.
  const std::shared_ptr<ComponentRuntime> runtime_;
};

ComponentHost::ComponentHost(Session& session) : session_(session) {}

ComponentHost::~ComponentHost() {
  for (const auto& [component, mounted] : mounted_) mounted->runtime().Abandon();
}

SessionHub& ComponentHost::hub() const { return session_.hub(); }

void ComponentHost::Mount(WithPayload<v1::MountRequest> request, Done<v1::MountResponse> done) {
  const v1::MountRequest& message = *request.message;
  const ComponentTypeInfo* const type = hub().api().registry().FindComponent(message.component());
  if (type == nullptr) return done(UnknownComponent(message.component()));
  if (!message.room().empty()) {
    REFUSE_IF_ERROR(ValidateRoomId("room", message.room()), done);
    if (hub().api().registry().TypeOf(message.room()) != nullptr) return done(ServerSideJoinOnly());
  }
  if (request.payload.empty()) request.payload = Payload::FromText("{}");
  const absl::StatusOr<json::object> state = ReadObject("state", request.payload);
  REFUSE_IF_ERROR(state.status(), done);
  const int limit = hub().settings().max_components;
  if (limit > 0 && static_cast<int>(mounted_.size()) >= limit) return done(TooManyComponents(limit));

  MemberIdentity self = session_.Self();
  self.id = absl::StrCat(session_.id(), ".c", ++last_number_);
  self.component = hub().NewKey();
  const SessionKey component = self.component;
  hub().counters().components.Add(1);
  const auto it = mounted_.emplace(component, std::make_unique<Mounted>(session_, *type, std::move(self))).first;
  it->second->runtime().Mount(
      *state, message.room(),
      [&hub = hub(), session = session_.key(), component, done = std::move(done)](const absl::Status& status) mutable {
        Session* const owner = hub.FindByKey(session);
        if (owner != nullptr) owner->components().OnMounted(component, status, std::move(done));
      });
}

void ComponentHost::OnMounted(SessionKey component, const absl::Status& status, Done<v1::MountResponse> done) {
  const auto it = mounted_.find(component);
  if (it == mounted_.end()) return done(ComponentUnmounted());
  if (!status.ok()) {
    Drop(component);
    return done(status);
  }
  Mounted& mounted = *it->second;
  mounted.ready = true;
  WithPayload<v1::MountResponse> response{.payload = mounted.runtime().StateJson()};
  response.message->set_component_id(mounted.self().id);
  done(std::move(response));
  mounted.runtime().Start();
}

void ComponentHost::Unmount(const v1::UnmountRequest& request, Done<v1::UnmountResponse> done) {
  const Mounted* const mounted = Find(request.component_id());
  if (mounted == nullptr) return done(ComponentNotFound(request.component_id()));
  Drop(mounted->self().component);
  done(WithPayload<v1::UnmountResponse>());
}

void ComponentHost::Call(WithPayload<v1::CallRequest> request, Done<v1::CallResponse> done) {
  Mounted* const mounted = Find(request.message->component_id());
  if (mounted == nullptr) return done(ComponentNotFound(request.message->component_id()));
  if (request.payload.empty()) request.payload = Payload::FromText("{}");
  const absl::StatusOr<json::object> args = ReadObject("args", request.payload);
  REFUSE_IF_ERROR(args.status(), done);
  mounted->runtime().Call(request.message->method(), *args,
                          [done = std::move(done)](absl::StatusOr<Payload> result) mutable {
                            REFUSE_IF_ERROR(result.status(), done);
                            done(WithPayload<v1::CallResponse>{.payload = *std::move(result)});
                          });
}

void ComponentHost::Drop(SessionKey component) {
  const std::unique_ptr<Mounted> mounted = std::move(mounted_.extract(component).mapped());
  hub().counters().components.Add(-1);
  mounted->runtime().Unmount(v1::LEAVE_REASON_LEAVE);
  for (const std::string& room_id : session_.seats().RoomsOf(component)) {
    if (Channel* channel = session_.seats().Find(room_id)->channel.get()) {
      channel->RemoveListener(hub().shard().index(), component);
    }
    mounted->Leave(room_id, [](const absl::Status&) {});
  }
}

void ComponentHost::GoOn() {
  for (const auto& [component, mounted] : mounted_) mounted->GoOn();
}

void ComponentHost::End() {
  for (const auto& [component, mounted] : std::exchange(mounted_, {})) {
    hub().counters().components.Add(-1);
    mounted->runtime().Unmount(v1::LEAVE_REASON_DISCONNECT);
    for (const std::string& room_id : session_.seats().RoomsOf(component)) {
      if (Channel* channel = session_.seats().Find(room_id)->channel.get()) {
        channel->RemoveListener(hub().shard().index(), component);
      }
    }
  }
}

ComponentHost::Mounted* ComponentHost::Find(absl::string_view id) const {
  for (const auto& [component, mounted] : mounted_) {
    if (mounted->ready && mounted->self().id == id) return mounted.get();
  }
  return nullptr;
}

void ComponentHost::AppendIds(std::vector<std::string>& ids) const {
  for (const auto& [component, mounted] : mounted_) ids.push_back(mounted->self().id);
}

const MemberIdentity* ComponentHost::FindMember(absl::string_view id) const {
  const Mounted* const mounted = Find(id);
  return mounted == nullptr ? nullptr : &mounted->self();
}

std::string ComponentHost::IdOf(SessionKey component) const {
  const auto it = mounted_.find(component);
  return it == mounted_.end() ? "" : it->second->self().id;
}

void ComponentHost::OnJoined(SessionKey component, const std::string& room_id, Channel& channel) {
  const auto it = mounted_.find(component);
  if (it == mounted_.end()) return;  // It leaves already.
  channel.AddListener(hub().shard().index(), component, it->second->runtime());
  it->second->runtime().OnJoined(room_id);
}

void ComponentHost::OnRemoved(SessionKey component, const std::string& room_id, v1::LeaveReason reason) {
  const auto it = mounted_.find(component);
  if (it != mounted_.end()) it->second->runtime().OnRemoved(room_id, reason);
}

}  // namespace atrium
