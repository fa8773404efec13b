#include "server/live/typed_room.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/common/status_macros.h"
#include "server/live/member.h"
#include "server/live/room_errors.h"
#include "server/live/suspend.h"

namespace atrium {

// One hook from its start to its end. Its steps are committed as they end, until the deadline; then they are undone.
class TypedRoom::HookRun final : public StepScope {
 public:
  explicit HookRun(TypedRoom& room) : room_(room), alive_(room.alive_) { ++room_.running_hooks_; }
  // The room is pinned while hooks run; only the end of the process comes before.
  ~HookRun() override {
    if (alive_.lock() == nullptr) return;
    if (--room_.running_hooks_ == 0) room_.sink_.OnHooksEnded();
    if (after) after();
  }

  void BeginStep() override { ++depth_; }
  void EndStep() override {
    if (--depth_ > 0) return;
    if (over) {
      room_.UndoStep();
    } else if (absl::Status status = room_.CommitStep(); !status.ok()) {
      failure = std::move(status);
    } else {
      notified += room_.step_notified_;
    }
  }

  // It has ended or is out of time: whatever comes, it has no effect.
  bool over = false;
  // Why a step was undone: the hook fails with this.
  absl::Status failure;
  // Sessions that the events of its steps were handed to.
  int notified = 0;
  Shard::TimerId deadline = 0;
  // Runs when nothing is left of the hook.
  absl::AnyInvocable<void()> after;
  boost::asio::cancellation_signal cancel;

 private:
  TypedRoom& room_;
  const std::weak_ptr<bool> alive_;
  int depth_ = 0;
};

TypedRoom::TypedRoom(const RoomTypeInfo& type, Shard& shard, StepSink& sink, RoomServices services, Log& log)
    : type_(type), shard_(shard), sink_(sink), services_(services), log_(log), live_(type.create()) {
  live_->room_ = this;
  live_->tracker().set_folding(type_.options.patch_interval > absl::ZeroDuration());
}

TypedRoom::~TypedRoom() {
  for (const auto& [id, timer] : timers_) shard_.Cancel(timer.shard_timer);
}

const google::protobuf::Message& TypedRoom::state() const { return std::as_const(*live_).tracker().committed(); }

StateChange TypedRoom::FlushState() { return live_->tracker().Flush(); }

// ---- Hooks

namespace {

// Waits for `hook` and tells `ended` in the hook's own last step: Asio would do so in a step of its own.
template <typename T, typename Ended>
Awaitable<void> TellTheEnd(Awaitable<T> hook, Ended ended) {
  std::optional<T> result;
  try {
    result = co_await std::move(hook);
  } catch (...) {
    // What was thrown may hold secrets of the room.
  }
  ended(std::move(result));
}

}  // namespace

template <typename T>
std::shared_ptr<TypedRoom::HookRun> TypedRoom::RunHook(const char* name, Awaitable<T> hook,
                                                       absl::AnyInvocable<void(absl::Status, T)> done) {
  auto run = std::make_shared<HookRun>(*this);
  auto shared_done = std::make_shared<absl::AnyInvocable<void(absl::Status, T)>>(std::move(done));
  if (type_.options.hook_deadline > absl::ZeroDuration()) {
    run->deadline = shard_.After(type_.options.hook_deadline, [this, name, run, shared_done] {
      run->over = true;
      log_.Error("hook out of time", {{"room", sink_.room_id()}, {"hook", name}});
      (*shared_done)(HookOutOfTime(name), T());
      run->cancel.emit(boost::asio::cancellation_type::terminal);
    });
  }
  const auto ended = [this, name, run, shared_done](std::optional<T> result) {
    if (run->over) return;  // Its last step is undone as it ends.
    run->over = true;
    shard_.Cancel(run->deadline);
    if (!result) {
      log_.Error("hook threw", {{"room", sink_.room_id()}, {"hook", name}});
      return (*shared_done)(HookFailed(name), T());
    }
    earlier_notified_ = run->notified;
    (*shared_done)(run->failure, *std::move(result));
  };
  boost::asio::co_spawn(boost::asio::any_io_executor(StepExecutor(shard_.executor(), run)),
                        TellTheEnd(std::move(hook), ended),
                        // The run owns the signal, which Asio uses until the coroutine is gone: the task outlives that.
                        boost::asio::bind_cancellation_slot(
                            run->cancel.slot(), [this, run](const std::exception_ptr&) { shard_.Post([run] {}); }));
  return run;
}

// The verdict commits or undoes the hook's last step before anybody hears of it.
absl::Status TypedRoom::EndHook(absl::Status failure, absl::Status verdict) {
  absl::Status status = failure.ok() ? std::move(verdict) : std::move(failure);
  if (status.ok()) status = CommitStep();
  if (!status.ok()) UndoStep();
  return status;
}

void TypedRoom::Create(absl::AnyInvocable<void(absl::Status)> done) {
  RunHook<absl::Status>("OnCreate", live_->OnCreate(),
                        [this, done = std::move(done)](absl::Status failure, absl::Status verdict) mutable {
                          done(EndHook(std::move(failure), std::move(verdict)));
                        });
}

namespace {

absl::Status CheckMemberInfo(const json::object& info) {
  if (JsonSize(info) <= kMaxMemberInfoBytes) return absl::OkStatus();
  return MakeError(absl::StatusCode::kResourceExhausted, "MEMBER_INFO_TOO_LARGE",
                   absl::StrCat("A member's info may have ", kMaxMemberInfoBytes, " bytes of JSON"));
}

Awaitable<absl::Status> CallOnJoin(LiveRoomBase& room, std::shared_ptr<JoinContext> join) {
  co_return co_await room.OnJoin(*join);
}

}  // namespace

void TypedRoom::Join(std::shared_ptr<JoinContext> join, absl::AnyInvocable<void(absl::Status)> done) {
  RunHook<absl::Status>("OnJoin", CallOnJoin(*live_, join),
                        [this, join, done = std::move(done)](absl::Status failure, absl::Status verdict) mutable {
                          if (verdict.ok()) verdict = CheckMemberInfo(join->info);
                          done(EndHook(std::move(failure), std::move(verdict)));
                        });
}

void TypedRoom::Destroy(absl::AnyInvocable<void(bool)> done) {
  // A hook that fails does not keep a room alive.
  auto verdict = std::make_shared<bool>(true);
  const std::shared_ptr<HookRun> run =
      RunHook<bool>("OnDestroy", live_->OnDestroy(), [this, verdict](const absl::Status& failure, bool destroy) {
        UndoStep();
        *verdict = !failure.ok() || destroy;
      });
  run->after = [verdict, done = std::move(done)]() mutable { done(*verdict); };
}

void TypedRoom::Leave(LeaveContext leave) {
  RunStep("OnLeave", [&] {
    live_->OnLeave(leave);
    return absl::OkStatus();
  }).IgnoreError();
}

absl::Status TypedRoom::Event(const EventContext& event) {
  return RunStep("OnEvent", [&] { return live_->OnEvent(event); });
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
  RunHook<absl::StatusOr<Payload>>(
      name.c_str(), CallMethod(method, *live_, args, std::move(call)),
      [this, done = std::move(done)](absl::Status failure, absl::StatusOr<Payload> result) mutable {
        const int before = earlier_notified_;
        if (absl::Status status = EndHook(std::move(failure), result.status()); !status.ok()) return done(status);
        done(CallResult{.result = *std::move(result), .notified = before + step_notified_});
      });
}

absl::StatusOr<TypedRoom::CallResult> TypedRoom::CallAtOnce(const RoomTypeInfo::Method& method, const json::value& args,
                                                            const CallContext& call) {
  CallResult result;
  RETURN_IF_ERROR(RunStep("method", [&]() -> absl::Status {
    ASSIGN_OR_RETURN(result.result, method.call(*live_, args, call));
    return absl::OkStatus();
  }));
  result.notified = step_notified_;
  return result;
}

// ---- Steps

absl::Status TypedRoom::RunStep(const char* name, const std::function<absl::Status()>& step) {
  absl::Status status;
  try {
    status = step();
  } catch (const std::exception& thrown) {
    log_.Error("room code threw", {{"room", sink_.room_id()}, {"in", name}, {"error", thrown.what()}});
    status = HookFailed(name);
  }
  if (status.ok()) return CommitStep();
  UndoStep();
  return status;
}

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
  live_->KeepMeta();
  if (!std::exchange(staged_metadata_, {}).empty()) sink_.SetOwnMetadata(*std::move(metadata));
  for (const StepSink::StagedEvent& event : std::exchange(staged_, {})) step_notified_ += sink_.EmitStaged(event);
  return absl::OkStatus();
}

void TypedRoom::UndoStep() {
  staged_.clear();
  staged_metadata_.clear();
  live_->tracker().Undo();
  live_->UndoMeta();
}

// ---- What hooks wait for

Awaitable<absl::Status> TypedRoom::Offload(Workers::Work work) {
  return Suspend([this, work = std::move(work)](Resume resume) mutable {
    // The room is pinned while its hook waits, and the pool ends before the shard.
    const auto waiting = std::make_shared<Resume>(std::move(resume));
    const auto go_on = [&shard = shard_, waiting](absl::Status status) {
      shard.Post([waiting, status = std::move(status)] { (*waiting)(status); });
    };
    absl::Status submitted = services_.workers.Submit([go_on, work = std::move(work)]() mutable {
      absl::Status status;
      try {
        work();
      } catch (...) {
        status = HookFailed("offloaded work");
      }
      work = nullptr;
      go_on(std::move(status));
    });
    if (!submitted.ok()) go_on(std::move(submitted));
  });
}

Awaitable<void> TypedRoom::WatchRooms(std::function<void(const RoomListChange&)> on_change) {
  auto start = [this, on_change = std::move(on_change)](Resume resume) mutable {
    auto waiting = std::make_shared<Resume>(std::move(resume));
    auto told = [this, on_change = std::move(on_change), waiting = std::move(waiting),
                 missing = services_.feed.shards()](const RoomListChange& change, bool first) mutable {
      RunStep("WatchRooms", [&] {
        on_change(change);
        return absl::OkStatus();
      }).IgnoreError();
      if (first && --missing == 0) (*std::exchange(waiting, nullptr))(absl::OkStatus());
    };
    watches_.push_back(services_.feed.Start(shard_, std::move(told)));
  };
  co_await Suspend(std::move(start));
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
  RunStep("timer", [&] {
    task();
    return absl::OkStatus();
  }).IgnoreError();
}

}  // namespace atrium
