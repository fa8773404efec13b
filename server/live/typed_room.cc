#include "server/live/typed_room.h"

#include <utility>

#include "server/common/status_macros.h"
#include "server/live/room_errors.h"

namespace atrium {

TypedRoom::TypedRoom(const RoomTypeInfo& type, Shard& shard, StepSink& sink, Log& log)
    : type_(type), shard_(shard), sink_(sink), log_(log), live_(type.create()), steps_(shard, log, *this) {
  live_->room_ = this;
}

TypedRoom::~TypedRoom() {
  for (const auto& [id, timer] : timers_) shard_.Cancel(timer.shard_timer);
}

std::string TypedRoom::StateJson() const { return live_->StateJson(); }

// ---- Hooks

void TypedRoom::RunHook(const char* name, Awaitable<absl::Status> hook, absl::AnyInvocable<void(absl::Status)> done) {
  steps_.RunHook<absl::Status>(name, type_.options.hook_deadline, std::move(hook),
                               [this, done = std::move(done)](absl::Status failure, absl::Status verdict) mutable {
                                 done(steps_.EndHook(std::move(failure), std::move(verdict)));
                               });
}

void TypedRoom::Create(absl::AnyInvocable<void(absl::Status)> done) {
  RunHook("OnCreate", live_->OnCreate(), std::move(done));
}

namespace {

Awaitable<absl::Status> CallOnJoin(LiveRoomBase& room, std::shared_ptr<JoinContext> join) {
  co_return co_await room.OnJoin(*join);
}

}  // namespace

void TypedRoom::Join(std::shared_ptr<JoinContext> join, absl::AnyInvocable<void(absl::Status)> done) {
  RunHook("OnJoin", CallOnJoin(*live_, std::move(join)), std::move(done));
}

void TypedRoom::Destroy(absl::AnyInvocable<void(bool)> done) {
  // A hook that fails does not keep a room alive.
  auto verdict = std::make_shared<bool>(true);
  steps_.RunHook<bool>(
      "OnDestroy", type_.options.hook_deadline, live_->OnDestroy(),
      [this, verdict](const absl::Status& failure, bool destroy) {
        UndoStep();
        *verdict = !failure.ok() || destroy;
      },
      [verdict, done = std::move(done)]() mutable { done(*verdict); });
}

void TypedRoom::Leave(LeaveContext leave) {
  steps_
      .RunStep("OnLeave",
               [&] {
                 live_->OnLeave(leave);
                 return absl::OkStatus();
               })
      .IgnoreError();
}

absl::Status TypedRoom::Event(const EventContext& event) {
  return steps_.RunStep("OnEvent", [&] { return live_->OnEvent(event); });
}

absl::StatusOr<TypedRoom::CallResult> TypedRoom::Call(const RoomTypeInfo::Method& method, const json::value& args,
                                                      CallContext call) {
  CallResult result;
  step_notified_ = 0;
  RETURN_IF_ERROR(steps_.RunStep("method", [&]() -> absl::Status {
    ASSIGN_OR_RETURN(result.result, method.call(*live_, args, call));
    return absl::OkStatus();
  }));
  result.notified = step_notified_;
  return result;
}

// ---- Steps

absl::Status TypedRoom::CommitStep() {
  if (live_->StateTouched()) {
    if (absl::Status status = sink_.ReplaceState(live_->StateJson()); !status.ok()) {
      log_.Warning("step undone", {{"room", sink_.room_id()}, {"error", status.message()}});
      UndoStep();
      return status;
    }
  }
  live_->KeepStep();
  for (const StepSink::StagedEvent& event : std::exchange(staged_, {})) step_notified_ += sink_.EmitStaged(event);
  return absl::OkStatus();
}

void TypedRoom::UndoStep() {
  staged_.clear();
  live_->UndoStep();
}

// ---- Timers

Shard::TimerId TypedRoom::StartTimer(absl::Duration delay, std::function<void()> task, bool repeat) {
  const Shard::TimerId id = ++last_timer_;
  timers_[id] = {.shard_timer = shard_.After(delay, [this, id] { RunTimer(id); }),
                 .interval = delay,
                 .task = std::move(task),
                 .repeat = repeat};
  return id;
}

void TypedRoom::RunTimer(Shard::TimerId id) {
  const auto it = timers_.find(id);
  const std::function<void()> task = it->second.task;
  if (it->second.repeat) {
    it->second.shard_timer = shard_.After(it->second.interval, [this, id] { RunTimer(id); });
  } else {
    timers_.erase(it);
  }
  steps_
      .RunStep("timer",
               [&] {
                 task();
                 return absl::OkStatus();
               })
      .IgnoreError();
}

}  // namespace atrium
