#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "server/common/log.h"
#include "server/common/rare.h"
#include "server/live/authoring/hooks.h"
#include "server/live/authoring/room_behaviour.h"
#include "server/live/authoring/room_context.h"
#include "server/live/authoring/room_type.h"
#include "server/live/rooms/room_list.h"
#include "server/live/rooms/step_runner.h"
#include "server/live/shards/shard.h"
#include "server/live/shards/turns.h"
#include "server/live/shards/worker_pool.h"

namespace atrium {

// The room around a TypedRoom, in which its steps take effect. It lives on the room's shard.
class StepSink {
 public:
  virtual ~StepSink() = default;
  // Takes a change of the state. RESOURCE_EXHAUSTED if that would be too large or too deep: the step is undone.
  virtual absl::Status CommitState(const StateChange& change) = 0;
  // Says that the private state may have changed (TypedRoom::MetaBytes).
  virtual void CommitMeta() = 0;
  // Sends an event, and returns how many sessions it was handed to.
  virtual int EmitStaged(const StagedEvent& event) = 0;
  // Returns the room's own metadata as they would be with `keys` set; RESOURCE_EXHAUSTED if they are too large.
  virtual absl::StatusOr<json::object> MergeMetadata(const json::object& keys) const = 0;
  virtual void SetOwnMetadata(json::object metadata) = 0;

  virtual const std::string& room_id() const = 0;
  virtual int member_count() const = 0;
  virtual std::vector<MemberInfo> MemberInfos() const = 0;
  // Says that no hook is running any more.
  virtual void OnHooksEnded() = 0;
  // Says that a step took kSlowStep or longer.
  virtual void CountSlowStep() = 0;
};

// What rooms use of the server around them.
struct RoomServices {
  Workers& workers;
  RoomList& feed;
};

// An event that a behaviour is to decide on, maybe later.
struct UndecidedEvent {
  UndecidedEvent(absl::string_view event, Payload data, std::optional<MemberInfo> sender)
      : event(event), data(std::move(data)), context{std::move(sender), this->event, this->data} {}
  UndecidedEvent(const UndecidedEvent&) = delete;
  UndecidedEvent& operator=(const UndecidedEvent&) = delete;

  const std::string event;
  const Payload data;
  const EventContext context;
  // Its sender has left meanwhile: whatever the behaviour says, it is not to be delivered.
  bool taken_back = false;
};

// Runs the hooks, methods and timers of one RoomBehaviour, each step as a transaction. It lives on the room's shard.
class TypedRoom final : private RoomContext, private StepOwner {
 public:
  // `behaviour` is new, or has read what was stored.
  TypedRoom(const RoomTypeInfo& type, std::unique_ptr<RoomBehaviour> behaviour, Shard& shard, StepSink& sink,
            RoomServices services, Log& log);
  ~TypedRoom() override;

  // Returns what the log keeps of the meta (RoomBehaviour::MetaBytes).
  std::string MetaBytes() const { return behaviour_->MetaBytes(); }

  // Each runs a hook to its end or its deadline. `done` runs once. If the hook said yes, that is inside its last step,
  // whose changes are committed already.
  void Create(absl::AnyInvocable<void(absl::Status)> done);
  void Load(absl::AnyInvocable<void(absl::Status)> done);
  void Join(std::shared_ptr<JoinContext> join, absl::AnyInvocable<void(absl::Status)> done);
  // Runs OnDestroy; `done` runs when nothing is left of the hook, outside of the room's own code.
  void Destroy(absl::AnyInvocable<void(bool)> done);

  void Leave(LeaveContext& leave);
  // Runs OnLeaveAsync; `done` runs once, in the hook's last step or when it has failed.
  void LeaveAsync(LeaveContext leave, absl::AnyInvocable<void()> done);
  absl::Status Event(const EventContext& event);
  // Runs OnEventAsync as Join runs its hook; `done` gets CANCELLED if the event was taken back.
  void EventAsync(std::shared_ptr<const UndecidedEvent> event, absl::AnyInvocable<void(absl::Status)> done);

  struct CallResult {
    Payload result;
    // So many sessions were handed the events of the call or, if it waits, of its last step.
    int notified = 0;
  };
  // `done` runs once: at once or, for a method that waits, when it ends or is out of time. What it emitted goes before.
  using CallDone = absl::AnyInvocable<void(absl::StatusOr<CallResult>)>;
  void Call(const std::string& name, const RoomTypeInfo::Method& method, const json::value& args, CallContext call,
            CallDone done);

  // Returns how many hooks have not ended, those past their deadline included: the room cannot go before them.
  int running_hooks() const { return steps_.running_hooks(); }

 private:
  // RoomContext.
  const std::string& id() const override { return sink_.room_id(); }
  int MemberCount() const override { return sink_.member_count(); }
  std::vector<MemberInfo> Members() const override { return sink_.MemberInfos(); }
  Shard& shard() const override { return shard_; }
  void Emit(StagedEvent event) override { staged_.push_back(std::move(event)); }
  void SetMetadata(const json::object& keys) override;
  Awaitable<absl::Status> Offload(absl::AnyInvocable<void()> work, Share share) override;
  Awaitable<void> Delay(absl::Duration delay) override;
  Awaitable<absl::Status> Turn(std::shared_ptr<Turns> turns, Share share) override;
  Awaitable<void> WatchRooms(std::function<void(const RoomListChange&)> on_change) override;
  Shard::TimerId StartTimer(absl::Duration delay, std::function<void()> task, bool repeat) override;
  void CancelTimer(Shard::TimerId id) override { timers_.Get().cancelled.push_back(id); }

  // StepOwner.
  absl::Status CommitStep() override;
  void UndoStep() override;
  void OnHooksEnded() override { sink_.OnHooksEnded(); }
  void OnSlowStep(absl::string_view step, absl::Duration took) override;
  absl::string_view kind() const override { return "room"; }
  const std::string& name() const override { return sink_.room_id(); }

  // Runs OnCreate or OnLoad. If it fails, `done` waits until nothing of the room runs any more.
  void RunFirstHook(const char* name, Awaitable<absl::Status> hook, absl::AnyInvocable<void(absl::Status)> done);
  // Runs a hook whose verdict commits or undoes its last step.
  void RunHook(const char* name, Awaitable<absl::Status> hook, absl::AnyInvocable<void(absl::Status)> done);
  absl::StatusOr<CallResult> CallAtOnce(const std::string& name, const RoomTypeInfo::Method& method,
                                        const json::value& args, const CallContext& call);

  // Ends the timers that the step started if it did not end well, and those that it cancelled if it did.
  void EndTimers(bool well);
  void StopTimer(Shard::TimerId id);
  void StopTimers();
  void RunTimer(Shard::TimerId id);

  const RoomTypeInfo& type_;
  Shard& shard_;
  StepSink& sink_;
  const RoomServices services_;
  Log& log_;
  const std::unique_ptr<RoomBehaviour> behaviour_;

  std::vector<StagedEvent> staged_;
  json::object staged_metadata_;
  // So many sessions were handed the events of the last step.
  int step_notified_ = 0;
  std::vector<std::unique_ptr<RoomList::Watch>> watches_;

  struct Timer {
    Shard::TimerId shard_timer;
    absl::Duration interval;
    std::function<void()> task;
    bool repeat;
  };
  struct Timers {
    Shard::TimerId last = 0;
    absl::flat_hash_map<Shard::TimerId, Timer> running;
    // The current step has started and cancelled these.
    std::vector<Shard::TimerId> started, cancelled;
  };
  Rare<Timers> timers_;
  // What it runs uses all of the above, so that it comes last.
  StepRunner steps_;
};

}  // namespace atrium
