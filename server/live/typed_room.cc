#include "server/live/typed_room.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/common/status_macros.h"
#include "server/live/member.h"
#include "server/live/room_errors.h"

namespace atrium {

TypedRoom::TypedRoom(const RoomTypeInfo& type, Shard& shard, StepSink& sink, RoomServices services, Log& log)
    : type_(type),
      shard_(shard),
      sink_(sink),
      services_(services),
      log_(log),
      live_(type.create()),
      steps_(shard, log, *this) {
  live_->room_ = this;
  live_->tracker().set_folding(type_.options.patch_interval > absl::ZeroDuration());
}

TypedRoom::~TypedRoom() { StopTimers(); }

const google::protobuf::Message& TypedRoom::state() const { return std::as_const(*live_).tracker().committed(); }

const google::protobuf::Message& TypedRoom::meta() const { return live_->meta_message(); }

void TypedRoom::Restore(const google::protobuf::Message& state, const google::protobuf::Message& meta) {
  live_->tracker().restored().CopyFrom(state);
  live_->meta_message().CopyFrom(meta);
}

StateChange TypedRoom::FlushState() { return live_->tracker().Flush(); }

// ---- Hooks

void TypedRoom::RunHook(const char* name, Awaitable<absl::Status> hook, absl::AnyInvocable<void(absl::Status)> done) {
  steps_.RunHook<absl::Status>(name, type_.options.hook_deadline, std::move(hook),
                               [this, done = std::move(done)](absl::Status failure, absl::Status verdict) mutable {
                                 done(steps_.EndHook(std::move(failure), std::move(verdict)));
                               });
}

void TypedRoom::Create(absl::AnyInvocable<void(absl::Status)> done) {
  Begin("OnCreate", live_->OnCreate(), std::move(done));
}

void TypedRoom::Load(absl::AnyInvocable<void(absl::Status)> done) { Begin("OnLoad", live_->OnLoad(), std::move(done)); }

void TypedRoom::Begin(const char* name, Awaitable<absl::Status> hook, absl::AnyInvocable<void(absl::Status)> done) {
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

Awaitable<absl::Status> CallOnJoin(LiveRoomBase& room, std::shared_ptr<JoinContext> join) {
  absl::Status status = co_await room.OnJoin(*join);
  if (status.ok()) status = CheckMemberInfo(join->info);
  co_return status;
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
        if (*verdict) StopTimers();
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

namespace {

Awaitable<absl::StatusOr<Payload>> CallMethod(const RoomTypeInfo::Method& method, LiveRoomBase& room, json::value args,
                                              CallContext call) {
  co_return co_await method.start(room, args, call);
}

}  // namespace

void TypedRoom::Call(const std::string& name, const RoomTypeInfo::Method& method, const json::value& args,
                     CallContext call, CallDone done) {
  if (method.call) return done(CallAtOnce(method, args, call));
  steps_.RunHook<absl::StatusOr<Payload>>(
      name, type_.options.hook_deadline, CallMethod(method, *live_, args, std::move(call)),
      [this, done = std::move(done)](absl::Status failure, absl::StatusOr<Payload> result) mutable {
        absl::Status status = steps_.EndHook(std::move(failure), result.status());
        if (!status.ok()) return done(std::move(status));
        done(CallResult{.result = *std::move(result), .notified = step_notified_});
      });
}

absl::StatusOr<TypedRoom::CallResult> TypedRoom::CallAtOnce(const RoomTypeInfo::Method& method, const json::value& args,
                                                            const CallContext& call) {
  CallResult result;
  RETURN_IF_ERROR(steps_.RunStep("method", [&]() -> absl::Status {
    ASSIGN_OR_RETURN(result.result, method.call(*live_, args, call));
    return absl::OkStatus();
  }));
  result.notified = step_notified_;
  return result;
}

// ---- Steps

absl::Status TypedRoom::CommitStep() {
  step_notified_ = 0;
  absl::StatusOr<json::object> metadata = json::object();
  if (!staged_metadata_.empty()) metadata = sink_.MergeMetadata(staged_metadata_);
  if (!metadata.ok()) {
    UndoStep();
    return metadata.status();
  }
  if (live_->tracker().touched()) {
    if (absl::Status status = sink_.CommitState(live_->tracker().Take()); !status.ok()) {
      log_.Warning("step undone", {{"room", sink_.room_id()}, {"error", status.message()}});
      UndoStep();
      return status;
    }
  }
  live_->tracker().Keep();
  if (live_->meta_touched()) sink_.CommitMeta(live_->meta_message());
  live_->KeepMeta();
  EndTimers(/*well=*/true);
  if (!std::exchange(staged_metadata_, {}).empty()) sink_.SetOwnMetadata(*std::move(metadata));
  for (const StepSink::StagedEvent& event : std::exchange(staged_, {})) step_notified_ += sink_.EmitStaged(event);
  return absl::OkStatus();
}

void TypedRoom::UndoStep() {
  staged_.clear();
  staged_metadata_.clear();
  EndTimers(/*well=*/false);
  live_->tracker().Undo();
  live_->UndoMeta();
}

// ---- What hooks wait for

Awaitable<absl::Status> TypedRoom::Offload(Workers::Work work) {
  auto start = [this, work = std::move(work)](absl::AnyInvocable<void(absl::Status)> resume) mutable {
    // The room is pinned while its hook waits, and the pool ends before the shard.
    const auto waiting = std::make_shared<absl::AnyInvocable<void(absl::Status)>>(std::move(resume));
    const auto go_on = [&shard = shard_, waiting](absl::Status status) {
      shard.Post([waiting, status = std::move(status)] { (*waiting)(status); });
    };
    absl::Status submitted = services_.workers.Submit([go_on, work = std::move(work)]() mutable {
      absl::Status status;
      try {
        work();
      } catch (...) {
        status = HookFailed("room", "offloaded work");
      }
      work = nullptr;
      go_on(std::move(status));
    });
    if (!submitted.ok()) go_on(std::move(submitted));
  };
  return WaitFor<absl::Status>(std::move(start));
}

Awaitable<void> TypedRoom::WatchRooms(std::function<void(const RoomListChange&)> on_change) {
  auto start = [this, on_change = std::move(on_change)](absl::AnyInvocable<void(absl::Status)> resume) mutable {
    auto waiting = std::make_shared<absl::AnyInvocable<void(absl::Status)>>(std::move(resume));
    auto told = [this, on_change = std::move(on_change), waiting = std::move(waiting),
                 missing = services_.feed.shards()](const RoomListChange& change, bool first) mutable {
      const auto tell = [&] {
        on_change(change);
        return absl::OkStatus();
      };
      steps_.RunStep("WatchRooms", tell).IgnoreError();
      if (first && --missing == 0) (*std::exchange(waiting, nullptr))(absl::OkStatus());
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
