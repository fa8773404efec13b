#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "server/common/log.h"
#include "server/common/rare.h"
#include "server/live/hooks.h"
#include "server/live/live_room.h"
#include "server/live/room_feed.h"
#include "server/live/room_type.h"
#include "server/live/shard.h"
#include "server/live/step_runner.h"
#include "server/live/worker_pool.h"

namespace atrium {

// What the steps of a typed room come out as: the room around it.
class StepSink {
 public:
  struct StagedEvent {
    std::string event;
    Payload data;
    // Instead of data.
    absl::optional<std::string> binary;
    EmitOptions options;
  };

  virtual ~StepSink() = default;
  // Takes a change of the state. RESOURCE_EXHAUSTED if that would be too large or too deep: the step is undone.
  virtual absl::Status CommitState(const StateChange& change) = 0;
  // The private state has changed, perhaps.
  virtual void CommitMeta(const google::protobuf::Message& meta) = 0;
  // Returns how many sessions it was handed to.
  virtual int EmitStaged(const StagedEvent& event) = 0;
  // The room's own metadata as it would be with `keys` set; RESOURCE_EXHAUSTED if it is too large.
  virtual absl::StatusOr<json::object> MergeMetadata(const json::object& keys) const = 0;
  virtual void SetOwnMetadata(json::object metadata) = 0;

  virtual const std::string& room_id() const = 0;
  virtual int member_count() const = 0;
  virtual std::vector<MemberInfo> MemberInfos() const = 0;
  // No hook is running any more.
  virtual void OnHooksEnded() = 0;
};

// What rooms use of the server around them.
struct RoomServices {
  Workers& workers;
  RoomFeed& feed;
};

// Runs the hooks, methods and timers of one LiveRoom, each step as a transaction. On the room's shard.
class TypedRoom final : private StepOwner {
 public:
  TypedRoom(const RoomTypeInfo& type, Shard& shard, StepSink& sink, RoomServices services, Log& log);
  ~TypedRoom() override;

  // The state as the members have it.
  const google::protobuf::Message& state() const;
  const google::protobuf::Message& meta() const;
  // Both as they were stored, before the first hook.
  void Restore(const google::protobuf::Message& state, const google::protobuf::Message& meta);
  // What steps have changed since the last such call, where the type folds.
  StateChange FlushState();

  // A hook, to its end or its deadline. `done` runs once; when a hook said yes, inside its last step, whose changes
  // are committed already.
  void Create(absl::AnyInvocable<void(absl::Status)> done);
  void Load(absl::AnyInvocable<void(absl::Status)> done);
  void Join(std::shared_ptr<JoinContext> join, absl::AnyInvocable<void(absl::Status)> done);
  // `done` runs when nothing is left of the hook, outside of the room's own code.
  void Destroy(absl::AnyInvocable<void(bool)> done);

  void Leave(LeaveContext leave);
  absl::Status Event(const EventContext& event);

  struct CallResult {
    Payload result;
    // Sessions that the events of the call, of its last step if it waits, were handed to.
    int notified = 0;
  };
  // `done` runs once: at once, or for a method that waits when it ends or is out of time, behind what it emitted.
  using CallDone = absl::AnyInvocable<void(absl::StatusOr<CallResult>)>;
  void Call(const std::string& name, const RoomTypeInfo::Method& method, const json::value& args, CallContext call,
            CallDone done);

  // Hooks that have not ended, those past their deadline included: the room cannot go before them.
  int running_hooks() const { return steps_.running_hooks(); }

 private:
  friend class LiveRoomBase;

  // StepOwner.
  absl::Status CommitStep() override;
  void UndoStep() override;
  void OnHooksEnded() override { sink_.OnHooksEnded(); }
  absl::string_view kind() const override { return "room"; }
  const std::string& name() const override { return sink_.room_id(); }

  void Begin(const char* name, Awaitable<absl::Status> hook, absl::AnyInvocable<void(absl::Status)> done);
  // Runs a hook whose verdict commits or undoes its last step.
  void RunHook(const char* name, Awaitable<absl::Status> hook, absl::AnyInvocable<void(absl::Status)> done);
  absl::StatusOr<CallResult> CallAtOnce(const RoomTypeInfo::Method& method, const json::value& args,
                                        const CallContext& call);

  Awaitable<absl::Status> Offload(Workers::Work work);
  Awaitable<void> WatchRooms(std::function<void(const RoomListChange&)> on_change);

  // Of the step that has ended: those it started go with it unless it ended well, those it cancelled if it did.
  void EndTimers(bool well);
  void StopTimer(Shard::TimerId id);
  void StopTimers();
  Shard::TimerId StartTimer(absl::Duration delay, std::function<void()> task, bool repeat);
  void RunTimer(Shard::TimerId id);

  const RoomTypeInfo& type_;
  Shard& shard_;
  StepSink& sink_;
  const RoomServices services_;
  Log& log_;
  const std::unique_ptr<LiveRoomBase> live_;

  std::vector<StepSink::StagedEvent> staged_;
  json::object staged_metadata_;
  // Sessions that the events of the last step were handed to.
  int step_notified_ = 0;
  std::vector<std::unique_ptr<RoomFeed::Watch>> watches_;

  struct Timer {
    Shard::TimerId shard_timer;
    absl::Duration interval;
    std::function<void()> task;
    bool repeat;
  };
  struct Timers {
    Shard::TimerId last = 0;
    absl::flat_hash_map<Shard::TimerId, Timer> running;
    // By the current step.
    std::vector<Shard::TimerId> started, cancelled;
  };
  Rare<Timers> timers_;
  // What it runs uses all of the above: last.
  StepRunner steps_;
};

}  // namespace atrium
