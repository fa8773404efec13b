#include "server/live/rooms/step_runner.h"

#include <boost/asio/post.hpp>
#include <ctime>
#include <exception>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/live/rooms/room_errors.h"

namespace atrium {
namespace {

// Returns the monotonic time, exact to some milliseconds, because reading that costs only a few nanoseconds.
absl::Duration CoarseNow() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return absl::DurationFromTimespec(now);
}

void TellIfSlow(StepOwner& owner, absl::string_view step, absl::Duration start) {
  const absl::Duration took = CoarseNow() - start;
  if (took >= kSlowStep) owner.OnSlowStep(step, took);
}

}  // namespace

// One hook from its start to its end. Its steps are committed as they end, until it is over; then they are undone.
class StepRunner::HookRun final : public StepScope, public std::enable_shared_from_this<HookRun> {
 public:
  HookRun(StepRunner& runner, std::string name) : name(std::move(name)), runner_(runner) {
    if (runner_.runs_ == nullptr) runner_.runs_ = std::make_shared<Runs>();
    runner_.runs_->insert(this);
    runs_ = runner_.runs_;
  }
  // The owner is pinned while hooks run; only the end of the process comes before.
  ~HookRun() override {
    const std::shared_ptr<Runs> runs = runs_.lock();
    if (runs == nullptr) return;
    runs->erase(this);
    if (runs->empty()) {
      runner_.runs_ = nullptr;
      runner_.owner_.OnHooksEnded();
    }
    if (after) after();
  }

  void BeginStep() override {
    if (++depth_ == 1) step_start_ = CoarseNow();
  }
  void EndStep() override {
    if (--depth_ > 0 || runs_.expired()) return;
    CommitOrUndo();
    TellIfSlow(runner_.owner_, name, step_start_);
  }
  SteadyTime Deadline() const override { return ends; }
  void Keep(std::shared_ptr<void> waiting) override {
    const void* const key = waiting.get();
    waiting_.emplace(key, std::move(waiting));
  }
  void Release(const void* waiting) override { waiting_.erase(waiting); }
  // Sees to it that its code never goes on from where it waits for an answer.
  void GiveUp() { std::exchange(waiting_, {}).clear(); }

  const std::string name;
  // If true, it has ended or is out of time: whatever comes, it has no effect.
  bool over = false;
  // The hook fails with this if a step was undone.
  absl::Status failure;
  SteadyTime ends = SteadyTime::InfiniteFuture();
  Shard::TimerId deadline = 0;
  // Tells whoever waits that the hook has failed.
  absl::AnyInvocable<void(absl::Status)> fail;
  // This runs when nothing is left of the hook.
  absl::AnyInvocable<void()> after;
  boost::asio::cancellation_signal cancel;

 private:
  void CommitOrUndo() {
    if (over) {
      runner_.owner_.UndoStep();
    } else if (absl::Status status = runner_.owner_.CommitStep(); !status.ok()) {
      failure = std::move(status);
    }
  }

  StepRunner& runner_;
  std::weak_ptr<Runs> runs_;
  int depth_ = 0;
  absl::Duration step_start_;
  absl::flat_hash_map<const void*, std::shared_ptr<void>> waiting_;
};

absl::Status StepRunner::RunStep(absl::string_view name, const std::function<absl::Status()>& step,
                                 absl::string_view method) {
  const absl::Duration start = CoarseNow();
  absl::Status status;
  try {
    status = step();
  } catch (...) {
    // What was thrown may hold secrets.
    log_.Error("code threw", {{owner_.kind(), owner_.name()}, {"in", name}});
    status = HookFailed(owner_.kind(), name);
  }
  if (status.ok()) {
    status = owner_.CommitStep();
  } else {
    owner_.UndoStep();
  }
  TellIfSlow(owner_, method.empty() ? name : method, start);
  return status;
}

absl::Status StepRunner::EndHook(absl::Status failure, absl::Status verdict) {
  absl::Status status = failure.ok() ? std::move(verdict) : std::move(failure);
  if (status.ok()) status = owner_.CommitStep();
  if (!status.ok()) owner_.UndoStep();
  return status;
}

std::shared_ptr<StepRunner::HookRun> StepRunner::StartRun(std::string name, absl::Duration deadline,
                                                          absl::AnyInvocable<void(absl::Status)> fail,
                                                          absl::AnyInvocable<void()> after) {
  auto run = std::make_shared<HookRun>(*this, std::move(name));
  run->fail = std::move(fail);
  run->after = std::move(after);
  if (deadline > absl::ZeroDuration()) {
    run->ends = shard_.Steady() + deadline;
    run->deadline = shard_.After(deadline, [this, run] {
      log_.Error("hook out of time", {{owner_.kind(), owner_.name()}, {"hook", run->name}});
      run->over = true;
      run->fail(HookOutOfTime(owner_.kind(), run->name));
      Cancel(run);
    });
  }
  return run;
}

bool StepRunner::EndRun(HookRun& run) { return !std::exchange(run.over, true); }

absl::Status StepRunner::FailureOf(HookRun& run, bool threw) {
  shard_.Cancel(run.deadline);
  if (!threw) return run.failure;
  log_.Error("hook threw", {{owner_.kind(), owner_.name()}, {"hook", run.name}});
  return HookFailed(owner_.kind(), run.name);
}

void StepRunner::Cancel(const std::shared_ptr<HookRun>& run) {
  run->cancel.emit(boost::asio::cancellation_type::terminal);
  // Asio passes that on through the executor, and uses the signal when it gets there.
  boost::asio::post(shard_.executor(), [run] {});
}

void StepRunner::StopHooks(const absl::Status& why) {
  if (runs_ == nullptr) return;
  std::vector<std::shared_ptr<HookRun>> runs;
  for (HookRun* run : *runs_) runs.push_back(run->shared_from_this());
  for (const std::shared_ptr<HookRun>& run : runs) {
    if (EndRun(*run)) {
      shard_.Cancel(run->deadline);
      run->fail(why);
      // The signal is given once only, and not to a coroutine that has ended.
      Cancel(run);
    }
    run->GiveUp();
  }
}

void StepRunner::GiveUp() {
  if (const std::shared_ptr<Runs> runs = runs_) {
    for (HookRun* run : *runs) run->GiveUp();
  }
}

void StepRunner::Spawn(std::shared_ptr<HookRun> run, Awaitable<void> hook) {
  boost::asio::co_spawn(
      boost::asio::any_io_executor(StepExecutor(shard_.executor(), run)), std::move(hook),
      // The run owns the signal, which Asio uses until the coroutine is gone: the task outlives that.
      boost::asio::bind_cancellation_slot(
          run->cancel.slot(), [shard = &shard_, run](const std::exception_ptr&) { shard->Post([run] {}); }));
}

}  // namespace atrium
