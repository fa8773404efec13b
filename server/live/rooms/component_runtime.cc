#include "server/live/rooms/component_runtime.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "server/live/rooms/component_errors.h"
#include "server/live/rooms/room_errors.h"
#include "server/live/rooms/state_limits.h"

namespace atrium {

ComponentRuntime::ComponentRuntime(const ComponentTypeInfo& type, MemberInfo self, ComponentSink& sink, Env env)
    : type_(type),
      self_(std::move(self)),
      sink_(&sink),
      env_(env),
      live_(type.create()),
      steps_(env.shard, env.log, *this) {
  live_->context_ = this;
  state_size_ = SizeOfJson(StateJson().Json());
}

// ---- Life

void ComponentRuntime::Mount(const json::value& state, std::string default_room,
                             absl::AnyInvocable<void(absl::Status)> done) {
  default_room_ = std::move(default_room);
  const absl::Status taken = steps_.RunStep("mount", [&]() -> absl::Status {
    RETURN_IF_ERROR(type_.CheckClientState(state.get_object()));
    return live_->SetState(state);
  });
  if (!taken.ok()) return done(PrefixField("state", taken));
  steps_.RunHook<absl::Status>(
      "OnMount", type_.options.hook_deadline, RunMount(),
      [self = shared_from_this(), done = std::move(done)](absl::Status failure, absl::Status verdict) mutable {
        absl::Status status = self->steps_.EndHook(std::move(failure), std::move(verdict));
        self->mounted_ = status.ok();
        done(std::move(status));
      });
}

Awaitable<absl::Status> ComponentRuntime::RunMount() {
  if (!default_room_.empty()) {
    absl::Status joined = co_await Join(default_room_, {});
    if (!joined.ok()) co_return joined;
  }
  co_return co_await live_->OnMount();
}

void ComponentRuntime::Start() {
  started_ = true;
  SendBytes();
}

Payload ComponentRuntime::StateJson() const {
  return Payload::FromText(MessageToJson(live_->tracker().committed(), JsonZeros::kPrint));
}

void ComponentRuntime::Call(absl::string_view action, const json::value& args,
                            absl::AnyInvocable<void(absl::StatusOr<Payload>)> done) {
  const auto it = type_.actions.find(std::string(action));
  if (it == type_.actions.end()) return done(ActionNotCallable(action));
  absl::StatusOr<Awaitable<absl::StatusOr<Payload>>> running = it->second.call(*live_, args);
  if (!running.ok()) return done(PrefixField("args", running.status()));
  steps_.RunHook<absl::StatusOr<Payload>>(
      absl::StrCat("action '", action, "'"), type_.options.hook_deadline, *std::move(running),
      [self = shared_from_this(), done = std::move(done)](absl::Status failure,
                                                          absl::StatusOr<Payload> result) mutable {
        if (result.ok() && !FitsMessages(*result)) result = ResultTooLarge();
        const absl::Status status = self->steps_.EndHook(std::move(failure), result.status());
        if (!status.ok()) return done(PrefixField("args", status));
        done(std::move(result));
      });
}

void ComponentRuntime::Unmount(v1::LeaveReason reason) {
  sink_ = nullptr;
  steps_.StopHooks(ComponentUnmounted());
  if (std::exchange(mounted_, false)) {
    steps_
        .RunStep("OnUnmount",
                 [&] {
                   live_->OnUnmount(reason);
                   return absl::OkStatus();
                 })
        .IgnoreError();
  }
  links_.clear();
}

void ComponentRuntime::Abandon() {
  sink_ = nullptr;
  steps_.GiveUp();
}

// ---- Steps

absl::Status ComponentRuntime::CommitStep() {
  const auto too_long = [](const auto& staged) { return staged.first.size() > static_cast<size_t>(kMaxDataBytes); };
  if (std::any_of(staged_.begin(), staged_.end(), too_long)) {
    UndoStep();
    return EventTooLarge();
  }
  StateTracker& tracker = live_->tracker();
  Patch patch;
  if (tracker.touched()) {
    StateChange change = tracker.Take();
    if (absl::Status status = CheckStateChange(change, state_size_, env_.max_state_bytes, "Component"); !status.ok()) {
      env_.log.Warning("step undone", {{"component", self_.id}, {"error", status.message()}});
      UndoStep();
      return status;
    }
    tracker.Keep();
    state_size_ += change.growth;
    change.Bound(state_size_, [this] { return StateJson().Json(); });
    patch = std::move(change.patch);
  }
  std::move(staged_.begin(), staged_.end(), std::back_inserter(outgoing_));
  staged_.clear();
  if (!started_) return absl::OkStatus();  // The mount's reply tells the state.
  if (!patch.empty()) Send({.operations = std::move(patch)});
  SendBytes();
  return absl::OkStatus();
}

void ComponentRuntime::OnSlowStep(absl::string_view step, absl::Duration took) {
  env_.log.Warning(
      "a step held up its thread",
      {{"type", type_.name}, {"component", name()}, {"step", step}, {"ms", absl::ToInt64Milliseconds(took)}});
}

void ComponentRuntime::UndoStep() {
  live_->tracker().Undo();
  staged_.clear();
}

void ComponentRuntime::SendBinary(std::string bytes, bool is_volatile) {
  staged_.emplace_back(std::move(bytes), is_volatile);
}

void ComponentRuntime::SendBytes() {
  for (auto& [bytes, is_volatile] : std::exchange(outgoing_, {})) Send({.binary = std::move(bytes)}, is_volatile);
}

void ComponentRuntime::Send(ComponentDelta delta, bool is_volatile) {
  if (sink_ == nullptr) return;
  delta.component_id = self_.id;
  delta.version = is_volatile ? 0 : ++version_;
  sink_->Send(delta);
}

// ---- Rooms

void ComponentRuntime::OnRemoved(const std::string& room_id, v1::LeaveReason reason) {
  const auto it = links_.find(room_id);
  const bool own = it != links_.end() && it->second.leaving;
  if (it != links_.end()) links_.erase(it);
  if (own || !mounted_) return;
  steps_
      .RunStep("OnRemoved",
               [&] {
                 live_->OnRemoved(room_id, reason);
                 return absl::OkStatus();
               })
      .IgnoreError();
}

void ComponentRuntime::OnRoomEvent(const std::string& room_id, const HeardEvent& event) {
  const auto it = links_.find(room_id);
  if (it == links_.end() || !it->second.joined) return;
  // They may add and cancel handlers.
  std::vector<std::shared_ptr<Subscription::Handler>> handlers;
  for (const Link::Entry& entry : it->second.handlers) {
    if (entry.event == event.event) handlers.push_back(entry.handler);
  }
  for (const auto& handler : handlers) {
    const Subscription::Handler run = *handler;
    if (run == nullptr) continue;
    steps_
        .RunStep("handler",
                 [&] {
                   run(event);
                   return absl::OkStatus();
                 })
        .IgnoreError();
  }
}

std::vector<std::string> ComponentRuntime::rooms() const {
  std::vector<std::string> joined;
  for (const auto& [id, link] : links_) {
    if (link.joined) joined.push_back(id);
  }
  return joined;
}

bool ComponentRuntime::IsIn(const std::string& room_id) const {
  const auto it = links_.find(room_id);
  return it != links_.end() && it->second.joined;
}

Subscription ComponentRuntime::On(const std::string& room_id, std::string event, Subscription::Handler handler) {
  std::vector<Link::Entry>& handlers = links_[room_id].handlers;
  // Handlers that were cancelled meanwhile go now.
  handlers.erase(std::remove_if(handlers.begin(), handlers.end(),
                                [](const Link::Entry& entry) { return *entry.handler == nullptr; }),
                 handlers.end());
  handlers.push_back({std::move(event), std::make_shared<Subscription::Handler>(std::move(handler))});
  return Subscription(handlers.back().handler);
}

absl::Status ComponentRuntime::CheckRoom(const std::string& room_id) const {
  if (sink_ == nullptr) return ComponentUnmounted();
  return room_id.empty() ? NoDefaultRoom() : absl::OkStatus();
}

Awaitable<absl::Status> ComponentRuntime::Join(std::string room_id, Payload payload) {
  if (absl::Status status = CheckRoom(room_id); !status.ok()) co_return status;
  const auto start = [&](ComponentSink::Done<absl::Status> done) {
    sink_->Join(room_id, std::move(payload), std::move(done));
  };
  absl::Status status = co_await WaitFor<absl::Status>(start);
  const auto it = links_.find(room_id);
  if (!status.ok() && it != links_.end() && !it->second.joined) links_.erase(it);
  co_return status;
}

Awaitable<absl::Status> ComponentRuntime::JoinDefaultRoom(std::string room_id) {
  absl::Status status = co_await Join(room_id, {});
  if (status.ok()) default_room_ = std::move(room_id);
  co_return status;
}

Awaitable<absl::Status> ComponentRuntime::Leave(std::string room_id) {
  if (absl::Status status = CheckRoom(room_id); !status.ok()) co_return status;
  links_[room_id].leaving = true;
  const auto start = [&](ComponentSink::Done<absl::Status> done) { sink_->Leave(room_id, std::move(done)); };
  absl::Status status = co_await WaitFor<absl::Status>(start);
  const auto it = links_.find(room_id);
  if (it != links_.end()) it->second.leaving = false;
  co_return status;
}

Awaitable<absl::StatusOr<Payload>> ComponentRuntime::CallRoom(std::string room_id, std::string method, Payload args,
                                                              std::string idempotency_key) {
  if (absl::Status status = CheckRoom(room_id); !status.ok()) co_return status;
  const auto start = [&](ComponentSink::Done<absl::StatusOr<Payload>> done) {
    sink_->Call(room_id, std::move(method), std::move(args), std::move(idempotency_key), std::move(done));
  };
  co_return co_await WaitFor<absl::StatusOr<Payload>>(start);
}

Awaitable<absl::StatusOr<int>> ComponentRuntime::Emit(std::string room_id, std::string event, Payload data,
                                                      HandleEmitOptions options) {
  if (absl::Status status = CheckRoom(room_id); !status.ok()) co_return status;
  const auto start = [&](ComponentSink::Done<absl::StatusOr<int>> done) {
    sink_->Emit(room_id, std::move(event), std::move(data), options, std::move(done));
  };
  co_return co_await WaitFor<absl::StatusOr<int>>(start);
}

Awaitable<absl::StatusOr<Payload>> ComponentRuntime::GetRoomState(std::string room_id) {
  if (absl::Status status = CheckRoom(room_id); !status.ok()) co_return status;
  const auto start = [&](ComponentSink::Done<absl::StatusOr<Payload>> done) {
    sink_->GetState(room_id, std::move(done));
  };
  co_return co_await WaitFor<absl::StatusOr<Payload>>(start);
}

}  // namespace atrium
