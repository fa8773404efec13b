#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/common/log.h"
#include "server/live/authoring/hooks.h"
#include "server/live/rooms/step_executor.h"
#include "server/live/shards/shard.h"

namespace atrium {

inline constexpr absl::Duration kSlowStep = absl::Milliseconds(100);

// A room or a component, whose steps a StepRunner runs.
class StepOwner {
 public:
  virtual ~StepOwner() = default;

  // Makes what the step, which has ended well, changed and staged take effect. If it returns an error, nothing did, and
  // the step was undone.
  virtual absl::Status CommitStep() = 0;
  virtual void UndoStep() = 0;
  // Says that no hook is running any more.
  virtual void OnHooksEnded() = 0;
  // Says, behind a step, that it has held the thread of the shard, and everybody on it, for kSlowStep or longer; `step`
  // is its hook, method or action.
  virtual void OnSlowStep(absl::string_view step, absl::Duration took) = 0;
  // Return "room" or "component", and which one it is, for logs and errors.
  virtual absl::string_view kind() const = 0;
  virtual const std::string& name() const = 0;
};

// Runs the code of rooms and components in steps: what code does in one go, between two `co_await`s, is a transaction.
// It lives on its owner's shard.
class StepRunner {
 public:
  StepRunner(Shard& shard, Log& log, StepOwner& owner) : shard_(shard), log_(log), owner_(owner) {}
  StepRunner(const StepRunner&) = delete;
  StepRunner& operator=(const StepRunner&) = delete;
  ~StepRunner() { GiveUp(); }

  // Runs `step` as one, synchronous, transaction. INTERNAL if it throws; else what it or the commit returns. `method`
  // is the method's name, if `name` says that it is one.
  absl::Status RunStep(absl::string_view name, const std::function<absl::Status()>& step,
                       absl::string_view method = "");

  // Runs `hook`, whose steps are committed as they end, to its end or its deadline (0 means none). `done` runs once: in
  // the hook's last step, before that is committed, so that it ends in EndHook; or with DEADLINE_EXCEEDED, INTERNAL if
  // the hook threw, or why one of its steps was undone. `after` runs when nothing is left of the hook.
  template <typename T>
  void RunHook(std::string name, absl::Duration deadline, Awaitable<T> hook,
               absl::AnyInvocable<void(absl::Status, T)> done, absl::AnyInvocable<void()> after = nullptr);

  // The verdict commits or undoes the hook's last step before anybody hears of it.
  absl::Status EndHook(absl::Status failure, absl::Status verdict);

  // Ends all hooks with `why`: one that waits for an answer never goes on, and what others do afterwards has no effect.
  void StopHooks(const absl::Status& why);

  // Sees to it that no hook that waits for an answer ever goes on. It is for the end of the process; the shard's
  // executor still takes work.
  void GiveUp();

  // Returns how many hooks have not ended, those past their deadline included: their owner cannot go before them.
  int running_hooks() const { return runs_ == nullptr ? 0 : static_cast<int>(runs_->size()); }

 private:
  class HookRun;
  using Runs = absl::flat_hash_set<HookRun*>;

  std::shared_ptr<HookRun> StartRun(std::string name, absl::Duration deadline,
                                    absl::AnyInvocable<void(absl::Status)> fail, absl::AnyInvocable<void()> after);
  // Waits for `hook` and tells `ended` in the hook's own last step: Asio would do so in a step of its own.
  template <typename T, typename Ended>
  static Awaitable<void> TellTheEnd(Awaitable<T> hook, Ended ended);
  // Ends the run, and returns whether it may still tell its end.
  static bool EndRun(HookRun& run);
  absl::Status FailureOf(HookRun& run, bool threw);
  // Tells the hook's code to end where it waits.
  void Cancel(const std::shared_ptr<HookRun>& run);
  void Spawn(std::shared_ptr<HookRun> run, Awaitable<void> hook);

  Shard& shard_;
  Log& log_;
  StepOwner& owner_;
  // The pointer is null while no hook runs. A hook that outlives the runner finds the set gone.
  std::shared_ptr<Runs> runs_;
};

// Waits in a hook for an answer: `start` is given a function that takes it, later, as a task of the hook's shard, and,
// if it wants that, the time when the hook is out of time. The hook goes on in that very task, before whatever the
// mailbox holds behind it. An answer to a hook that was given up is nothing.
template <typename T, typename Start>
Awaitable<T> WaitFor(Start start) {
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void(T)>(
      [](auto handler, Start start) {
        const boost::asio::any_io_executor executor = boost::asio::get_associated_executor(handler);
        const std::weak_ptr<StepScope> scope = executor.target<StepExecutor>()->scope();
        const auto waiting = std::make_shared<decltype(handler)>(std::move(handler));
        const std::shared_ptr<StepScope> asking = scope.lock();
        asking->Keep(waiting);
        auto resume = [scope, weak = std::weak_ptr(waiting)](T answer) {
          const auto waiting = weak.lock();
          if (waiting == nullptr) return;
          const std::shared_ptr<StepScope> hook = scope.lock();
          hook->Release(waiting.get());
          hook->BeginStep();
          std::move (*waiting)(std::move(answer));
          hook->EndStep();
        };
        if constexpr (std::is_invocable_v<Start&, decltype(resume), SteadyTime>) {
          start(std::move(resume), asking->Deadline());
        } else {
          start(std::move(resume));
        }
      },
      boost::asio::use_awaitable, std::move(start));
}

template <typename T>
void StepRunner::RunHook(std::string name, absl::Duration deadline, Awaitable<T> hook,
                         absl::AnyInvocable<void(absl::Status, T)> done, absl::AnyInvocable<void()> after) {
  auto shared_done = std::make_shared<absl::AnyInvocable<void(absl::Status, T)>>(std::move(done));
  const std::shared_ptr<HookRun> run = StartRun(
      std::move(name), deadline, [shared_done](absl::Status why) { (*shared_done)(std::move(why), T()); },
      std::move(after));
  auto ended = [this, run, shared_done](std::optional<T> result) {
    if (!EndRun(*run)) return;  // Its last step is undone as it ends.
    const absl::Status failure = FailureOf(*run, !result);
    (*shared_done)(failure, result ? *std::move(result) : T());
  };
  Spawn(run, TellTheEnd(std::move(hook), std::move(ended)));
}

template <typename T, typename Ended>
Awaitable<void> StepRunner::TellTheEnd(Awaitable<T> hook, Ended ended) {
  std::optional<T> result;
  try {
    result = co_await std::move(hook);
  } catch (...) {
    // What was thrown may hold secrets.
  }
  ended(std::move(result));
}

}  // namespace atrium
