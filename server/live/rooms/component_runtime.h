#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/common/log.h"
#include "server/live/authoring/component_context.h"
#include "server/live/authoring/component_type.h"
#include "server/live/authoring/hooks.h"
#include "server/live/authoring/live_component.h"
#include "server/live/rooms/channel.h"
#include "server/live/rooms/step_runner.h"
#include "server/live/shards/shard.h"
#include "server/wire/frames.h"

namespace atrium {

// The session around a component, which takes what it sends and asks. It lives on the session's shard. Each `done` runs
// once, later, as a task of its own.
class ComponentSink {
 public:
  template <typename T>
  using Done = absl::AnyInvocable<void(T)>;

  virtual ~ComponentSink() = default;
  virtual void Send(const ComponentDelta& delta) = 0;
  virtual void Join(const std::string& room_id, Payload payload, Done<absl::Status> done) = 0;
  virtual void Leave(const std::string& room_id, Done<absl::Status> done) = 0;
  virtual void Call(const std::string& room_id, std::string method, Payload args, std::string idempotency_key,
                    Done<absl::StatusOr<Payload>> done) = 0;
  virtual void Emit(const std::string& room_id, std::string event, Payload data, HandleEmitOptions options,
                    Done<absl::StatusOr<int>> done) = 0;
  virtual void GetState(const std::string& room_id, Done<absl::StatusOr<Payload>> done) = 0;
};

// Runs the hooks, actions and handlers of one LiveComponent, each step as a transaction, and knows which rooms it is
// in. It lives on the shard of its session. What waits in it keeps it, so that it may outlive its session, for which it
// then does nothing more.
class ComponentRuntime final : public Listener,
                               public std::enable_shared_from_this<ComponentRuntime>,
                               private ComponentContext,
                               private StepOwner {
 public:
  struct Env {
    Shard& shard;
    Log& log;
    // The state's JSON has so many bytes at most; 0 limits nothing.
    size_t max_state_bytes;
  };
  // `self` is the component as a member of rooms. `sink` must live until Unmount.
  ComponentRuntime(const ComponentTypeInfo& type, MemberInfo self, ComponentSink& sink, Env env);

  const std::string& id() const { return self_.id; }

  // Takes the client's `state`, an object, joins `default_room` unless that is empty, and runs OnMount. `done` runs
  // once, maybe at once, with INVALID_ARGUMENT naming the field (`state.username`), why the room refused, or what
  // OnMount returned.
  void Mount(const json::value& state, std::string default_room, absl::AnyInvocable<void(absl::Status)> done);
  // Says that the client has been told its state as it is now: what changes from here on is sent.
  void Start();
  Payload StateJson() const;
  bool started() const { return started_; }
  // Returns the version of the last frame that was sent.
  uint64_t version() const { return version_; }

  // Runs an action. `done` runs once, maybe at once, with PERMISSION_DENIED if the class lists none of that name,
  // INVALID_ARGUMENT naming the field (`args.text`), CANCELLED when it is unmounted meanwhile; else what the action
  // returned.
  void Call(absl::string_view action, const json::value& args, absl::AnyInvocable<void(absl::StatusOr<Payload>)> done);

  // Runs OnUnmount, if it was mounted, and lets go of the sink: what still runs has no effect any more.
  void Unmount(v1::LeaveReason reason);
  // Lets go of everything at the end of the process, and runs nothing.
  void Abandon();

  // The session says that the component is a member of a room from here on, or is one no more.
  void OnJoined(const std::string& room_id) { links_[room_id].joined = true; }
  void OnRemoved(const std::string& room_id, v1::LeaveReason reason);
  void OnRoomEvent(const std::string& room_id, const HeardEvent& event) override;

 private:
  // What the component has to do with one room.
  struct Link {
    struct Entry {
      std::string event;
      std::shared_ptr<Subscription::Handler> handler;
    };
    bool joined = false;
    // Its own code has asked to leave.
    bool leaving = false;
    std::vector<Entry> handlers;
  };

  // StepOwner.
  absl::Status CommitStep() override;
  void UndoStep() override;
  void OnHooksEnded() override {}
  void OnSlowStep(absl::string_view step, absl::Duration took) override;
  absl::string_view kind() const override { return "component"; }
  const std::string& name() const override { return self_.id; }

  // ComponentContext.
  const MemberInfo& self() const override { return self_; }
  absl::Time Now() const override { return env_.shard.Now(); }
  void SendBinary(std::string bytes, bool is_volatile) override;
  const std::string& default_room() const override { return default_room_; }
  Awaitable<absl::Status> JoinDefaultRoom(std::string room_id) override;
  std::vector<std::string> rooms() const override;
  bool IsIn(const std::string& room_id) const override;
  Awaitable<absl::Status> Join(std::string room_id, Payload payload) override;
  Awaitable<absl::Status> Leave(std::string room_id) override;
  Awaitable<absl::StatusOr<Payload>> CallRoom(std::string room_id, std::string method, Payload args,
                                              std::string idempotency_key) override;
  Awaitable<absl::StatusOr<int>> Emit(std::string room_id, std::string event, Payload data,
                                      HandleEmitOptions options) override;
  Subscription On(const std::string& room_id, std::string event, Subscription::Handler handler) override;
  Awaitable<absl::StatusOr<Payload>> GetRoomState(std::string room_id) override;

  Awaitable<absl::Status> RunMount();
  void SendBytes();
  void Send(ComponentDelta delta, bool is_volatile = false);
  absl::Status CheckRoom(const std::string& room_id) const;

  const ComponentTypeInfo& type_;
  const MemberInfo self_;
  // This is null once the component is unmounted.
  ComponentSink* sink_;
  const Env env_;
  const std::unique_ptr<LiveComponentBase> live_;
  std::string default_room_;
  bool mounted_ = false;
  bool started_ = false;
  uint64_t version_ = 0;
  ValueSize state_size_;
  // These are bytes to send, and whether they are volatile: this step's, and those of earlier steps that wait for
  // Start.
  std::vector<std::pair<std::string, bool>> staged_;
  std::vector<std::pair<std::string, bool>> outgoing_;
  absl::flat_hash_map<std::string, Link> links_;
  // What it runs uses all of the above, so that it comes last.
  StepRunner steps_;
};

}  // namespace atrium
