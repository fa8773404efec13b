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
#include "server/live/channel.h"
#include "server/live/component_type.h"
#include "server/live/hooks.h"
#include "server/live/live_component.h"
#include "server/live/room_handle.h"
#include "server/live/shard.h"
#include "server/live/step_runner.h"
#include "server/wire/frames.h"

namespace atrium {

// What a component comes out as, and asks: the session around it. On its shard. Each `done` runs once, later, as a task
// of its own.
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

// Runs one LiveComponent: its hooks, actions and handlers, each step as a transaction; and what it knows of its rooms.
// On the shard of its session. Whoever waits in it keeps it: it may outlive its session, to which it is nothing then.
class ComponentRuntime final : public Listener,
                               public std::enable_shared_from_this<ComponentRuntime>,
                               private StepOwner {
 public:
  struct Env {
    Shard& shard;
    Log& log;
    // Of the state's JSON. 0: no limit.
    size_t max_state_bytes;
  };
  // `self` is the component as a member of rooms. `sink` must live until Unmount.
  ComponentRuntime(const ComponentTypeInfo& type, MemberInfo self, ComponentSink& sink, Env env);

  const std::string& id() const { return self_.id; }

  // Takes the client's `state`, an object, joins `default_room` unless that is empty, and runs OnMount. `done` gets
  // INVALID_ARGUMENT naming the field (`state.username`), why the room refused, or what OnMount returned.
  void Mount(const json::value& state, std::string default_room, absl::AnyInvocable<void(absl::Status)> done);
  // The client has been told its state as it is now: what changes from here on is sent.
  void Start();
  Payload StateJson() const;
  // The client has been told, and hears of changes.
  bool started() const { return started_; }
  // Of the last frame that was sent.
  uint64_t version() const { return version_; }

  // Runs an action. PERMISSION_DENIED if the class lists none of that name, INVALID_ARGUMENT naming the field
  // (`args.text`), CANCELLED when it is unmounted meanwhile; else what the action returned.
  void Call(absl::string_view action, const json::value& args, absl::AnyInvocable<void(absl::StatusOr<Payload>)> done);

  // Runs OnUnmount, if it was mounted, and lets go of the sink: nothing that still runs has any effect.
  void Unmount(v1::LeaveReason reason);
  // The process ends: it lets go of everything, and runs nothing.
  void Abandon();

  // The session's word on rooms: the component is a member from here on, or is one no more.
  void OnJoined(const std::string& room_id) { links_[room_id].joined = true; }
  void OnRemoved(const std::string& room_id, v1::LeaveReason reason);
  void OnRoomEvent(const std::string& room_id, const HeardEvent& event) override;

 private:
  friend class LiveComponentBase;
  friend class RoomHandle;

  // What it has to do with one room.
  struct Link {
    struct Entry {
      std::string event;
      std::shared_ptr<Subscription::Handler> handler;
    };
    bool joined = false;
    // It leaves by itself.
    bool leaving = false;
    std::vector<Entry> handlers;
  };

  // StepOwner.
  absl::Status CommitStep() override;
  void UndoStep() override;
  void OnHooksEnded() override {}
  absl::string_view kind() const override { return "component"; }
  const std::string& name() const override { return self_.id; }

  Awaitable<absl::Status> RunMount();
  absl::Status CheckLimits(const StateChange& change) const;
  void SendBytes();
  void Send(ComponentDelta delta, bool is_volatile = false);

  // Of the handles.
  absl::Status CheckRoom(const std::string& room_id) const;
  Awaitable<absl::Status> Join(std::string room_id, Payload payload);
  Awaitable<absl::Status> JoinDefaultRoom(std::string room_id);
  Awaitable<absl::Status> Leave(std::string room_id);
  Awaitable<absl::StatusOr<Payload>> CallRoom(std::string room_id, std::string method, Payload args,
                                              std::string idempotency_key);
  Awaitable<absl::StatusOr<int>> Emit(std::string room_id, std::string event, Payload data, HandleEmitOptions options);
  Awaitable<absl::StatusOr<Payload>> GetRoomState(std::string room_id);

  const ComponentTypeInfo& type_;
  const MemberInfo self_;
  // Null once it is unmounted.
  ComponentSink* sink_;
  const Env env_;
  const std::unique_ptr<LiveComponentBase> live_;
  std::string default_room_;
  bool mounted_ = false;
  bool started_ = false;
  uint64_t version_ = 0;
  size_t state_bytes_;
  // Bytes to send, and whether they are volatile: this step's; those of earlier steps that wait for Start.
  std::vector<std::pair<std::string, bool>> staged_;
  std::vector<std::pair<std::string, bool>> outgoing_;
  absl::flat_hash_map<std::string, Link> links_;
  // What it runs uses all of the above: last.
  StepRunner steps_;
};

}  // namespace atrium
