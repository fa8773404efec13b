#include "server/live/rooms/typed_room.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/common/status_macros.h"
#include "server/live/rooms/member.h"
#include "server/live/rooms/room_errors.h"
#include "server/wire/value_size.h"

namespace atrium {

TypedRoom::TypedRoom(const RoomTypeInfo& type, std::unique_ptr<RoomBehaviour> behaviour, Shard& shard, StepSink& sink,
                     RoomServices services, Log& log)
    : type_(type),
      shard_(shard),
      sink_(sink),
      services_(services),
      log_(log),
      behaviour_(std::move(behaviour)),
      steps_(shard, log, *this) {
  behaviour_->Attach(*this, /*folding=*/type_.options.patch_interval > absl::ZeroDuration());
}

TypedRoom::~TypedRoom() { StopTimers(); }

// ---- Hooks

void TypedRoom::RunHook(const char* name, Awaitable<absl::Status> hook, absl::AnyInvocable<void(absl::Status)> done) {
  steps_.RunHook<absl::Status>(name, type_.options.hook_deadline, std::move(hook),
                               [this, done = std::move(done)](absl::Status failure, absl::Status verdict) mutable {
                                 done(steps_.EndHook(std::move(failure), std::move(verdict)));
                               });
}

void TypedRoom::Create(absl::AnyInvocable<void(absl::Status)> done) {
  RunFirstHook("OnCreate", behaviour_->OnCreate(), std::move(done));
}

void TypedRoom::Load(absl::AnyInvocable<void(absl::Status)> done) {
  RunFirstHook("OnLoad", behaviour_->OnLoad(), std::move(done));
}

void TypedRoom::RunFirstHook(const char* name, Awaitable<absl::Status> hook,
                             absl::AnyInvocable<void(absl::Status)> done) {
  auto shared_done = std::make_shared<absl::AnyInvocable<void(absl::Status)>>(std::move(done));
  auto outcome = std::make_shared<absl::Status>();
  steps_.RunHook<absl::Status>(
      name, type_.options.hook_deadline, std::move(hook),
      [this, shared_done, outcome](absl::Status failure, absl::Status verdict) {
        *outcome = steps_.EndHook(std::move(failure), std::move(verdict));
        if (outcome->ok()) return (*shared_done)(absl::OkStatus());
        StopTimers();
      },
      [shared_done, outcome] {
        if (!outcome->ok()) (*shared_done)(*outcome);
      });
}

namespace {

absl::Status CheckMemberInfo(const json::object& info) {
  if (JsonSize(info) <= kMaxMemberInfoBytes) return absl::OkStatus();
  return MakeError(absl::StatusCode::kResourceExhausted, "MEMBER_INFO_TOO_LARGE",
                   absl::StrCat("A member's info may have ", kMaxMemberInfoBytes, " bytes of JSON"));
}

Awaitable<absl::Status> CallOnJoin(RoomBehaviour& room, std::shared_ptr<JoinContext> join) {
  absl::Status status = co_await room.OnJoin(*join);
  if (status.ok()) status = CheckMemberInfo(join->info);
  co_return status;
}

}  // namespace

void TypedRoom::Join(std::shared_ptr<JoinContext> join, absl::AnyInvocable<void(absl::Status)> done) {
  RunHook("OnJoin", CallOnJoin(*behaviour_, std::move(join)), std::move(done));
}

void TypedRoom::Destroy(absl::AnyInvocable<void(bool)> done) {
  // A hook that fails does not keep a room alive.
  auto verdict = std::make_shared<bool>(true);
  steps_.RunHook<bool>(
      "OnDestroy", type_.options.hook_deadline, behaviour_->OnDestroy(),
      [this, verdict](const absl::Status& failure, bool destroy) {
        UndoStep();
        *verdict = !failure.ok() || destroy;
        if (*verdict) StopTimers();
      },
      [verdict, done = std::move(done)]() mutable { done(*verdict); });
}

void TypedRoom::Leave(LeaveContext& leave) {
  steps_
      .RunStep("OnLeave",
               [&] {
                 behaviour_->OnLeave(leave);
                 return absl::OkStatus();
               })
      .IgnoreError();
}

absl::Status TypedRoom::Event(const EventContext& event) {
  return steps_.RunStep("OnEvent", [&] { return behaviour_->OnEvent(event); });
}

namespace {

Awaitable<absl::Status> CallOnLeaveAsync(RoomBehaviour& room, LeaveContext leave) {
  co_await room.OnLeaveAsync(leave);
  co_return absl::OkStatus();
}

Awaitable<absl::Status> CallOnEventAsync(RoomBehaviour& room, std::shared_ptr<const UndecidedEvent> event) {
  absl::Status verdict = co_await room.OnEventAsync(event->context);
  co_return event->taken_back ? LeftBeforeItsEvent() : verdict;
}

Awaitable<absl::StatusOr<Payload>> CallMethod(const RoomTypeInfo::Method& method, RoomBehaviour& room, json::value args,
                                              CallContext call) {
  co_return co_await method.start(room, args, call);
}

}  // namespace

void TypedRoom::LeaveAsync(LeaveContext leave, absl::AnyInvocable<void()> done) {
  RunHook("OnLeaveAsync", CallOnLeaveAsync(*behaviour_, std::move(leave)),
          [done = std::move(done)](const absl::Status&) mutable { done(); });
}

void TypedRoom::EventAsync(std::shared_ptr<const UndecidedEvent> event, absl::AnyInvocable<void(absl::Status)> done) {
  RunHook("OnEventAsync", CallOnEventAsync(*behaviour_, std::move(event)), std::move(done));
}

void TypedRoom::Call(const std::string& name, const RoomTypeInfo::Method& method, const json::value& args,
                     CallContext call, CallDone done) {
  if (method.call) return done(CallAtOnce(name, method, args, call));
  steps_.RunHook<absl::StatusOr<Payload>>(
      name, type_.options.hook_deadline, CallMethod(method, *behaviour_, args, std::move(call)),
      [this, done = std::move(done)](absl::Status failure, absl::StatusOr<Payload> result) mutable {
        if (result.ok() && !FitsMessages(*result)) result = ResultTooLarge();
        absl::Status status = steps_.EndHook(std::move(failure), result.status());
        if (!status.ok()) return done(std::move(status));
        done(CallResult{.result = *std::move(result), .notified = step_notified_});
      });
}

absl::StatusOr<TypedRoom::CallResult> TypedRoom::CallAtOnce(const std::string& name, const RoomTypeInfo::Method& method,
                                                            const json::value& args, const CallContext& call) {
  CallResult result;
  const auto step = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(result.result, method.call(*behaviour_, args, call));
    return FitsMessages(result.result) ? absl::OkStatus() : ResultTooLarge();
  };
  RETURN_IF_ERROR(steps_.RunStep("method", step, name));
  result.notified = step_notified_;
  return result;
}

// ---- Steps

namespace {

bool FitsMessages(const StagedEvent& event) {
  if (event.binary) return event.binary->size() <= static_cast<size_t>(kMaxDataBytes);
  return atrium::FitsMessages(event.data);
}

}  // namespace

absl::Status TypedRoom::CommitStep() {
  step_notified_ = 0;
  if (!std::ranges::all_of(staged_, [](const auto& event) { return FitsMessages(event); })) {
    UndoStep();
    return EventTooLarge();
  }
  absl::StatusOr<json::object> metadata = json::object();
  if (!staged_metadata_.empty()) metadata = sink_.MergeMetadata(staged_metadata_);
  if (!metadata.ok()) {
    UndoStep();
    return metadata.status();
  }
  if (behaviour_->state_touched()) {
    if (absl::Status status = sink_.CommitState(behaviour_->TakeChange()); !status.ok()) {
      log_.Warning("step undone", {{"room", sink_.room_id()}, {"error", status.message()}});
      UndoStep();
      return status;
    }
  }
  if (behaviour_->meta_touched()) sink_.CommitMeta();
  behaviour_->KeepStep();
  EndTimers(/*well=*/true);
  if (!std::exchange(staged_metadata_, {}).empty()) sink_.SetOwnMetadata(*std::move(metadata));
  for (const StagedEvent& event : std::exchange(staged_, {})) step_notified_ += sink_.EmitStaged(event);
  return absl::OkStatus();
}

void TypedRoom::OnSlowStep(absl::string_view step, absl::Duration took) {
  log_.Warning("a step held up its thread",
               {{"type", type_.name}, {"room", name()}, {"step", step}, {"ms", absl::ToInt64Milliseconds(took)}});
  sink_.CountSlowStep();
}

void TypedRoom::UndoStep() {
  staged_.clear();
  staged_metadata_.clear();
  EndTimers(/*well=*/false);
  behaviour_->UndoStep();
}

void TypedRoom::SetMetadata(const json::object& keys) {
  for (const auto& [key, value] : keys) staged_metadata_.insert_or_assign(key, value);
}

// ---- What hooks wait for

namespace {

absl::Status RunWork(absl::AnyInvocable<void()>& work) {
  try {
    work();
    return absl::OkStatus();
  } catch (...) {
    return HookFailed("room", "offloaded work");
  }
}

}  // namespace

Awaitable<absl::Status> TypedRoom::Offload(absl::AnyInvocable<void()> work, Share share) {
  auto start = [this, work = std::move(work), share = std::move(share)](absl::AnyInvocable<void(absl::Status)> resume,
                                                                        SteadyTime ends) mutable {
    // The room is pinned while its hook waits, and the pool ends before the shard.
    auto run = [&shard = shard_, resume = std::move(resume), work = std::move(work)](const absl::Status& fate) mutable {
      absl::Status status = fate.ok() ? RunWork(work) : fate;
      work = nullptr;
      shard.Post([resume = std::move(resume), status = std::move(status)]() mutable { resume(std::move(status)); });
    };
    services_.workers.Submit({.run = std::move(run), .share = std::move(share), .within = ends - shard_.Steady()});
  };
  return WaitFor<absl::Status>(std::move(start));
}

Awaitable<void> TypedRoom::Delay(absl::Duration delay) {
  auto start = [this, delay](absl::AnyInvocable<void(absl::Status)> resume) {
    shard_.After(delay, [resume = std::move(resume)]() mutable { resume(absl::OkStatus()); });
  };
  (co_await WaitFor<absl::Status>(std::move(start))).IgnoreError();
}

Awaitable<absl::Status> TypedRoom::Turn(std::shared_ptr<Turns> turns, Share share) {
  auto start = [this, turns = std::move(turns), share = std::move(share)](absl::AnyInvocable<void(absl::Status)> resume,
                                                                          SteadyTime ends) {
    turns->Wait(shard_, share, ends, std::move(resume));
  };
  return WaitFor<absl::Status>(std::move(start));
}

Awaitable<void> TypedRoom::WatchRooms(std::function<void(const RoomListChange&)> on_change) {
  auto start = [this, on_change = std::move(on_change)](absl::AnyInvocable<void(absl::Status)> resume) mutable {
    auto waiting = std::make_shared<absl::AnyInvocable<void(absl::Status)>>(std::move(resume));
    auto told = [this, on_change = std::move(on_change), waiting = std::move(waiting),
                 missing = services_.feed.shards()](const RoomListChange& change, bool all_told) mutable {
      const auto tell = [&] {
        on_change(change);
        return absl::OkStatus();
      };
      steps_.RunStep("WatchRooms", tell).IgnoreError();
      if (all_told && --missing == 0) (*std::exchange(waiting, nullptr))(absl::OkStatus());
    };
    watches_.push_back(services_.feed.Start(shard_, std::move(told)));
  };
  (co_await WaitFor<absl::Status>(std::move(start))).IgnoreError();
}

// ---- Timers

Shard::TimerId TypedRoom::StartTimer(absl::Duration delay, std::function<void()> task, bool repeat) {
  Timers& timers = timers_.Get();
  const Shard::TimerId id = ++timers.last;
  timers.running[id] = {.shard_timer = shard_.After(delay, [this, id] { RunTimer(id); }),
                        .interval = delay,
                        .task = std::move(task),
                        .repeat = repeat};
  timers.started.push_back(id);
  return id;
}

void TypedRoom::EndTimers(bool well) {
  if (!timers_.made()) return;
  const std::vector<Shard::TimerId> started = std::exchange(timers_.Get().started, {});
  const std::vector<Shard::TimerId> cancelled = std::exchange(timers_.Get().cancelled, {});
  for (const Shard::TimerId timer : well ? cancelled : started) StopTimer(timer);
}

void TypedRoom::StopTimer(Shard::TimerId id) {
  const auto timer = timers_.Get().running.extract(id);
  if (timer) shard_.Cancel(timer.mapped().shard_timer);
}

void TypedRoom::StopTimers() {
  if (!timers_.made()) return;
  for (const auto& [id, timer] : std::exchange(timers_.Get().running, {})) shard_.Cancel(timer.shard_timer);
}

void TypedRoom::RunTimer(Shard::TimerId id) {
  auto& running = timers_.Get().running;
  const auto it = running.find(id);
  const std::function<void()> task = it->second.task;
  if (it->second.repeat) {
    it->second.shard_timer = shard_.After(it->second.interval, [this, id] { RunTimer(id); });
  } else {
    running.erase(it);
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
