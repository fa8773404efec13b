#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/live/authoring/component_type.h"
#include "server/live/authoring/hooks.h"
#include "server/live/authoring/room_handle.h"
#include "server/live/authoring/tracked_state.h"

namespace atrium {

class ComponentRuntime;

// What every component can do; derive from LiveComponent below.
//
// A component belongs to one session, which mounts it by its name. All of its code runs on the thread of the session's
// shard: it needs no locks and must not block. What a hook, an action or a handler of a room's event does in one go
// (between two `co_await`s) is a step: its changes are sent if the step ends well, and discarded if it ends with an
// error or throws. An action or OnMount that takes longer than the class's hook deadline has failed with
// DEADLINE_EXCEEDED: what it does afterwards is discarded. While one waits, others run.
//
// The order of its life: OnMount, then actions and handlers, then OnUnmount.
class LiveComponentBase {
 public:
  LiveComponentBase() = default;
  LiveComponentBase(const LiveComponentBase&) = delete;
  LiveComponentBase& operator=(const LiveComponentBase&) = delete;
  virtual ~LiveComponentBase() = default;

  // Runs once, before anything else; the state holds what the client has set of it. If it is not OK, the mount is
  // refused with that status, and the component leaves what it has joined.
  virtual Awaitable<absl::Status> OnMount();

  // Runs exactly once for each OnMount that said yes, when the client has unmounted the component (LEAVE) or the
  // session has ended (DISCONNECT). The component leaves its rooms by itself.
  virtual void OnUnmount(v1::LeaveReason reason);

  // Runs when a service has taken the component out of a room (LEAVE), or the room has let go of everybody (CLEANUP).
  virtual void OnRemoved(const std::string& room_id, v1::LeaveReason reason);

 protected:
  // Returns the component's id, by which it is a member of rooms too.
  const std::string& id() const;
  // Returns the session's user, which is empty for an anonymous client.
  const std::string& user_id() const;
  absl::Time Now() const;

  // Room<ChatRoom>("lobby") is the room `chat:lobby`.
  template <typename T>
  TypedRoomHandle<T> Room(absl::string_view instance) {
    return TypedRoomHandle<T>(*context_, absl::StrCat(T::kName, ":", instance));
  }
  RoomHandle Room(absl::string_view id);

  // Returns the room that the client named in its mount, or that JoinDefaultRoom did. Without one its methods fail with
  // FAILED_PRECONDITION, "No default room set".
  RoomHandle DefaultRoom();
  Awaitable<absl::Status> JoinDefaultRoom(std::string room_id);

  // Returns the ids of the rooms that the component is in.
  std::vector<std::string> rooms() const;

  // Sends bytes that only the client understands, behind the step's change of state. Volatile ones go first when the
  // client is slow.
  void SendBinary(std::string bytes, bool is_volatile = false);

 private:
  friend class ComponentRuntime;

  // The state, and what the current step has changed of it.
  virtual StateTracker& tracker() = 0;
  // Takes what the client has set. INVALID_ARGUMENT naming the field.
  virtual absl::Status SetState(const json::value& state) = 0;

  ComponentContext* context_ = nullptr;
};

// The base of a component. `State`, a protobuf message, is its user's own: the client has a copy that patches keep
// equal, and changes it by actions only. What is a room's reaches the client as frames of that room.
//
// A component class has `static constexpr absl::string_view kName` and `static void Describe(ComponentType<T>&)`.
template <typename State>
class LiveComponent : public LiveComponentBase {
 public:
  using StateMessage = State;

 protected:
  const State& state() const { return state_.value(); }

  // Changes the state: `change(State&)`. The client gets what differs, as one patch a step.
  template <typename Change>
  void Mutate(Change&& change) {
    state_.Mutate(std::forward<Change>(change));
  }

 private:
  StateTracker& tracker() final { return state_; }
  absl::Status SetState(const json::value& state) final {
    State given;
    RETURN_IF_ERROR(MessageFromJson(state, given));
    Mutate([&](State& own) { own = std::move(given); });
    return absl::OkStatus();
  }

  TrackedState<State> state_;
};

}  // namespace atrium
