#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/live/hooks.h"
#include "server/live/room_type.h"
#include "server/live/shard.h"
#include "server/wire/frames.h"
#include "server/wire/message_json.h"

namespace atrium {

class TypedRoom;

// What every typed room can do; derive from LiveRoom below.
//
// All of a room runs on the thread of its shard: room code needs no locks and must not block. What a hook, method or
// timer does in one go (between two `co_await`s) is a step: its changes and events are staged, sent if the step ends
// well, and discarded if it ends with an error or throws. A hook that takes longer than the type's hook deadline has
// failed with DEADLINE_EXCEEDED: what it does afterwards is discarded.
//
// The order of a room's life:
//   OnCreate, then for each member OnJoin ... OnLeave, then OnDestroy.
// Joins wait for OnCreate and OnDestroy to end. If OnCreate fails, the room is gone and those who wait are refused.
class LiveRoomBase {
 public:
  LiveRoomBase() = default;
  LiveRoomBase(const LiveRoomBase&) = delete;
  LiveRoomBase& operator=(const LiveRoomBase&) = delete;
  virtual ~LiveRoomBase() = default;

  // Once, before anything else. Not OK: the room is removed, and joins are told "Room initialization failed".
  virtual Awaitable<absl::Status> OnCreate();

  // Decides on a join; it holds its seat meanwhile. Not OK: rejected, with that status's message ("Join rejected by
  // room" if it has none). What it sets of the state, the joiner sees in its snapshot.
  virtual Awaitable<absl::Status> OnJoin(JoinContext& join);

  // Exactly one for each OnJoin that said yes and each member, before the member is removed. If it throws, the member
  // is removed all the same.
  virtual void OnLeave(LeaveContext& leave);

  // Before an event from outside is delivered: a member's, which the type's FromMembers lets in, or a service's. Not
  // OK: it is refused with that status.
  virtual absl::Status OnEvent(const EventContext& event);

  // When the room has been empty for its empty_ttl. False keeps it, for another empty_ttl. When the room is destroyed
  // by DestroyRoom or by a failure, it is not asked.
  virtual Awaitable<bool> OnDestroy();

 protected:
  // The whole id, `chat:lobby`.
  const std::string& id() const;

  // Without the joiner during OnJoin, with the leaver during OnLeave.
  int MemberCount() const;
  std::vector<MemberInfo> Members() const;

  absl::Time Now() const;

  // Sends an event, behind the step's change of state.
  void Emit(absl::string_view event, const google::protobuf::Message& data, EmitOptions options = {});

  // Runs `task` as a step of its own after `delay`, or every `interval`. Stops with the room.
  Shard::TimerId After(absl::Duration delay, std::function<void()> task);
  Shard::TimerId Every(absl::Duration interval, std::function<void()> task);
  // Does nothing for a timer that has run or was cancelled.
  void CancelTimer(Shard::TimerId timer);

 private:
  friend class TypedRoom;
  template <typename State, typename Meta>
  friend class LiveRoom;

  // The state's JSON form. Called after each step that changed it.
  virtual std::string StateJson() const = 0;
  // Whether this step has touched the state.
  virtual bool StateTouched() const = 0;
  // The step has ended: keep its changes, or take them back.
  virtual void KeepStep() = 0;
  virtual void UndoStep() = 0;

  TypedRoom* room_ = nullptr;
};

// The base of a typed room. `State` is public: every member has a copy that patches keep equal. `Meta` is private
// and never leaves the server. Both are protobuf messages, at their default when the room is created.
//
// A room class has `static constexpr absl::string_view kName` and `static void Describe(RoomType<T>&)`.
template <typename State, typename Meta>
class LiveRoom : public LiveRoomBase {
 public:
  using StateMessage = State;

 protected:
  const State& state() const { return state_; }

  // Changes the state: `change(State&)`. The members get what differs, as one patch a step.
  template <typename Change>
  void Mutate(Change&& change) {
    if (!state_before_) state_before_ = state_;
    std::forward<Change>(change)(state_);
  }

  const Meta& meta() const { return meta_; }

  template <typename Change>
  void MutateMeta(Change&& change) {
    if (!meta_before_) meta_before_ = meta_;
    std::forward<Change>(change)(meta_);
  }

 private:
  std::string StateJson() const final { return MessageToJson(state_, JsonZeros::kPrint); }
  bool StateTouched() const final { return state_before_.has_value(); }
  void KeepStep() final {
    state_before_.reset();
    meta_before_.reset();
  }
  void UndoStep() final {
    if (state_before_) state_ = *std::exchange(state_before_, std::nullopt);
    if (meta_before_) meta_ = *std::exchange(meta_before_, std::nullopt);
  }

  State state_;
  Meta meta_;
  // As they were when the current step first touched them.
  std::optional<State> state_before_;
  std::optional<Meta> meta_before_;
};

}  // namespace atrium
