#include "server/session/component_host.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/api/refuse.h"
#include "server/api/validate.h"
#include "server/live/authoring/room_id.h"
#include "server/live/rooms/component_errors.h"
#include "server/live/rooms/room_errors.h"
#include "server/session/behind_the_room.h"
#include "server/session/connection.h"
#include "server/session/joins.h"
#include "server/session/session_core.h"

namespace atrium {

// One component: what its runtime sees of the session, and what rooms see of it.
class ComponentHost::Mounted final : public ComponentSink {
 public:
  // `room` is the one that the client has chosen for it; it may be empty.
  Mounted(SessionCore& core, Joins& joins, const ComponentTypeInfo& type, MemberIdentity self, std::string room)
      : core_(core),
        joins_(joins),
        type_(type),
        self_(std::move(self)),
        room_(std::move(room)),
        runtime_(std::make_shared<ComponentRuntime>(
            type, MemberInfo{.id = self_.id, .user_id = self_.user_id}, *this,
            ComponentRuntime::Env{core.env().shard, core.env().log, core.env().api.settings().max_state_bytes})) {}

  const ComponentTypeInfo& type() const { return type_; }
  const MemberIdentity& self() const { return self_; }
  ComponentRuntime& runtime() { return *runtime_; }
  // Whether the client knows of it.
  bool ready = false;

  void Send(const ComponentDelta& delta) override {
    const Connection* const connection = core_.connection();
    if (connection == nullptr) return;
    behind_ = behind_ || connection->over_its_bound();
    if (!behind_) core_.Send(EncodeComponentPatch(delta, core_.own_encoding()));
  }

  // Goes on over another connection, with the whole state.
  void GoOn() {
    self_.address = core_.address();
    self_.encoding = core_.encoding();
    SendState();
  }

  // Sends the whole state, if the client did not get all changes because it was too slow.
  void SendOwed() {
    if (behind_ && !core_.connection()->over_its_bound()) SendState();
  }

  void SendState() {
    behind_ = false;
    if (!runtime_->started()) return;
    PatchOp whole{.kind = PatchOp::Kind::kReplace, .value = std::string(runtime_->StateJson().Json())};
    Send({.component_id = self_.id, .version = runtime_->version(), .operations = {std::move(whole)}});
  }

  void Join(const std::string& room_id, Payload payload, Done<absl::Status> done) override {
    v1::JoinRequest request;
    request.set_room_id(room_id);
    if (!payload.empty()) *request.mutable_payload() = payload.ToValue();
    const auto chooser = room_id == room_ ? Joins::Chooser::kClient : Joins::Chooser::kServerCode;
    joins_.Bring(
        AsCaller(), self_, std::move(request), chooser,
        [done = std::move(done)](const absl::StatusOr<Admission>& admission) mutable { done(admission.status()); });
  }

  void Leave(const std::string& room_id, Done<absl::Status> done) override {
    v1::LeaveRequest request;
    request.set_room_id(room_id);
    request.set_member_id(self_.id);
    // Its client is told by a `left` frame, as of any leave that it has not asked for itself.
    Run<Verb::kLeave>(
        std::move(request), {},
        Later<absl::Status, v1::LeaveResponse>(std::move(done), [](auto response) { return response.status(); }));
  }

  void Call(const std::string& room_id, std::string method, Payload args, std::string idempotency_key,
            Done<absl::StatusOr<Payload>> done) override {
    v1::CallRequest request;
    request.set_idempotency_key(std::move(idempotency_key));
    request.set_room_id(room_id);
    request.set_method(std::move(method));
    Run<Verb::kCall>(std::move(request), std::move(args),
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
    Run<Verb::kEmit>(std::move(request), std::move(data),
                     Later<absl::StatusOr<int>, v1::EmitResponse>(std::move(done), notified));
  }

  void GetState(const std::string& room_id, Done<absl::StatusOr<Payload>> done) override {
    v1::GetStateRequest request;
    request.set_room_id(room_id);
    Run<Verb::kGetState>(
        std::move(request), {},
        Later<absl::StatusOr<Payload>, v1::GetStateResponse>(std::move(done), &PayloadOf<v1::GetStateResponse>));
  }

 private:
  Caller AsCaller() const {
    return Caller::Component({.session_id = core_.id(), .user_id = self_.user_id, .member_id = self_.id});
  }

  // Runs a verb of the API as this component.
  template <Verb verb, typename Request, typename Done>
  void Run(Request request, Payload payload, Done done) {
    RunVerb(core_.env().api, RowOf<kRoomVerbs, verb>(), AsCaller(), {std::move(request), std::move(payload)},
            std::move(done));
  }

  // Returns what passes the outcome of a verb to `done` through the shard's mailbox, behind the room's frames. That the
  // session may have ended meanwhile is the runtime's business, which then takes it for nothing.
  template <typename Outcome, typename Response, typename Read>
  atrium::Done<Response> Later(Done<Outcome> done, Read read) {
    Shard& shard = core_.env().shard;
    return BehindTheRoom(shard, [&shard, session = core_.key(), component = self_.component, read,
                                 done = std::move(done)](absl::StatusOr<WithPayload<Response>> response) mutable {
      shard.slices().CatchUp({session, component});
      done(read(std::move(response)));
    });
  }
  template <typename Response>
  static absl::StatusOr<Payload> PayloadOf(absl::StatusOr<WithPayload<Response>> response) {
    if (!response.ok()) return response.status();
    return std::move(response->payload);
  }

  SessionCore& core_;
  Joins& joins_;
  const ComponentTypeInfo& type_;
  MemberIdentity self_;
  const std::string room_;
  // If true, the client has not got all changes.
  bool behind_ = false;
  // Whoever waits in it shares it.
  const std::shared_ptr<ComponentRuntime> runtime_;
};

ComponentHost::ComponentHost(SessionCore& core, Joins& joins) : core_(core), joins_(joins) {}

ComponentHost::~ComponentHost() {
  for (const auto& [component, mounted] : *mounted_) mounted->runtime().Abandon();
}

void ComponentHost::Mount(WithPayload<v1::MountRequest> request, Done<v1::MountResponse> done) {
  SessionEnv& env = core_.env();
  const v1::MountRequest& message = *request.message;
  const ComponentTypeInfo* const type = env.api.registry().FindComponent(message.component());
  if (type == nullptr) return done(UnknownComponent(message.component()));
  REFUSE_IF_ERROR(env.api.authorizer().AuthorizeMount(core_.caller(), type->name), done);
  if (!message.room().empty()) {
    REFUSE_IF_ERROR(ValidateRoomId("room", message.room()), done);
    REFUSE_IF_ERROR(env.api.authorizer().Authorize(core_.caller(), Verb::kJoin, message.room()), done);
  }
  if (request.payload.empty()) request.payload = Payload::FromText("{}");
  const absl::StatusOr<json::object> state = ReadObject("state", request.payload);
  REFUSE_IF_ERROR(state.status(), done);
  const int limit = env.settings.max_components;
  if (limit > 0 && static_cast<int>(mounted_->size()) >= limit) return done(TooManyComponents(limit));

  MemberIdentity self = core_.Identity();
  self.id = absl::StrCat(core_.id(), ".c", ++last_number_);
  self.component = env.keys.Next();
  const SessionKey component = self.component;
  env.counters.components.Add(1);
  core_.seats().Add({.key = component, .id = self.id});
  const auto it =
      mounted_.Get()
          .emplace(component, std::make_unique<Mounted>(core_, joins_, *type, std::move(self), message.room()))
          .first;
  auto on_mounted = [this, component, done = std::move(done)](const absl::Status& status) mutable {
    OnMounted(component, status, std::move(done));
  };
  it->second->runtime().Mount(*state, message.room(), core_.WhileThere(std::move(on_mounted)));
}

void ComponentHost::OnMounted(SessionKey component, const absl::Status& status, Done<v1::MountResponse> done) {
  const auto it = mounted_->find(component);
  if (it == mounted_->end()) return done(ComponentUnmounted());
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

void ComponentHost::UnmountUngranted() {
  const Authorizer& authorizer = core_.env().api.authorizer();
  std::vector<SessionKey> ungranted;
  for (const auto& [component, mounted] : *mounted_) {
    if (!authorizer.AuthorizeMount(core_.caller(), mounted->type().name).ok()) ungranted.push_back(component);
  }
  for (const SessionKey component : ungranted) Drop(component);
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
  const std::unique_ptr<Mounted> mounted = std::move(mounted_.Get().extract(component).mapped());
  mounted->runtime().Unmount(v1::LEAVE_REASON_LEAVE);
  StopListening(component);
  for (const std::string& room_id : core_.seats().RoomsOf(component)) {
    mounted->Leave(room_id, [](const absl::Status&) {});
  }
}

void ComponentHost::StopListening(SessionKey component) {
  core_.env().counters.components.Add(-1);
  core_.seats().Forget(component);
  for (const std::string& room_id : core_.seats().RoomsOf(component)) {
    if (Channel* const channel = core_.seats().ChannelOf(room_id)) {
      channel->RemoveListener(core_.env().shard, component);
    }
  }
}

void ComponentHost::GoOn() {
  for (const auto& [component, mounted] : *mounted_) mounted->GoOn();
}

void ComponentHost::SendOwed() {
  for (const auto& [component, mounted] : *mounted_) mounted->SendOwed();
}

void ComponentHost::End() {
  for (const auto& [component, mounted] : mounted_.Take()) {
    mounted->runtime().Unmount(v1::LEAVE_REASON_DISCONNECT);
    StopListening(component);
  }
}

ComponentHost::Mounted* ComponentHost::Find(absl::string_view id) const {
  for (const auto& [component, mounted] : *mounted_) {
    if (mounted->ready && mounted->self().id == id) return mounted.get();
  }
  return nullptr;
}

const MemberIdentity* ComponentHost::FindMember(absl::string_view id) const {
  const Mounted* const mounted = Find(id);
  return mounted == nullptr ? nullptr : &mounted->self();
}

void ComponentHost::OnJoined(SessionKey component, const std::string& room_id, Channel& channel) {
  const auto it = mounted_->find(component);
  if (it == mounted_->end()) return;  // It leaves already.
  channel.AddListener(core_.env().shard, component, it->second->runtime());
  it->second->runtime().OnJoined(room_id);
}

void ComponentHost::OnRemoved(SessionKey component, const std::string& room_id, v1::LeaveReason reason) {
  const auto it = mounted_->find(component);
  if (it != mounted_->end()) it->second->runtime().OnRemoved(room_id, reason);
}

}  // namespace atrium
