#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/live/hooks.h"
#include "server/live/room_feed.h"
#include "server/live/room_type.h"
#include "server/live/shard.h"
#include "server/live/tracked_state.h"
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
// A durable room (RoomOptions::durable) is only put aside when it is empty, and comes back with OnLoad; OnDestroy is
// for when its data goes. Joins wait for OnCreate and OnDestroy to end. If OnCreate fails, the room is gone and those
// who wait are refused.
class LiveRoomBase {
 public:
  LiveRoomBase() = default;
  LiveRoomBase(const LiveRoomBase&) = delete;
  LiveRoomBase& operator=(const LiveRoomBase&) = delete;
  virtual ~LiveRoomBase() = default;

  // Once, before anything else. Not OK: the room is removed, and joins are told "Room initialization failed".
  virtual Awaitable<absl::Status> OnCreate();

  // Instead of OnCreate, when a durable room comes back from the log: state and meta are as they were; timers and what
  // else lived in memory are not. OnLeave then follows for each member that was in it (reason cleanup, without its
  // membership). Not OK: it is not loaded, and who wanted it is told so.
  virtual Awaitable<absl::Status> OnLoad();

  // Decides on a join; it holds its seat meanwhile. Not OK: rejected, with that status if it has a reason (MakeError),
  // else PERMISSION_DENIED with its message ("Join rejected by room" if it has none). What it sets of the state, the
  // joiner sees in its snapshot.
  virtual Awaitable<absl::Status> OnJoin(JoinContext& join);

  // Exactly one for each OnJoin that said yes and each member, before the member is removed. If it throws, the member
  // is removed all the same.
  virtual void OnLeave(LeaveContext& leave);

  // Before an event from outside is delivered: a member's, which the type's FromMembers lets in, or a service's. Not
  // OK: it is refused with that status.
  virtual absl::Status OnEvent(const EventContext& event);

  // When the room has been empty for its empty_ttl. False keeps it, for another empty_ttl (a second at least). When
  // the room is destroyed by DestroyRoom or by a failure, it is not asked.
  virtual Awaitable<bool> OnDestroy();

  // What room code does; also for the pieces that a room is made of, such as RoomPassword.

  // The whole id, `chat:lobby`.
  const std::string& id() const;

  // Without the joiner during OnJoin, with the leaver during OnLeave.
  int MemberCount() const;
  std::vector<MemberInfo> Members() const;

  absl::Time Now() const;

  // Sends an event, behind the step's change of state.
  void Emit(absl::string_view event, const google::protobuf::Message& data, EmitOptions options = {});

  // The same with bytes that only the application understands, for what changes too often for patches.
  void EmitBinary(absl::string_view event, std::string bytes, EmitOptions options = {});

  // Sets these keys of the room's metadata, which everybody can see and services can filter by; a null removes its key.
  // They hide what services set under the same keys by UpdateRoom. A step that makes more than 4 KiB of JSON of them
  // fails with RESOURCE_EXHAUSTED.
  void SetMetadata(const json::object& keys);

  // Runs `work` on a thread of the server's worker pool, and goes on with what it returned: for what would hold up
  // everything else on this thread. `work` must not touch the room. RESOURCE_EXHAUSTED ("try again") if too much waits
  // for the pool, UNAVAILABLE if the server is shutting down, INTERNAL if `work` throws.
  template <typename Work, typename Result = std::invoke_result_t<Work&>>
  Awaitable<absl::StatusOr<Result>> Offload(Work work) {
    auto result = std::make_shared<std::optional<Result>>();
    absl::AnyInvocable<void()> run = [work = std::move(work), result]() mutable { result->emplace(work()); };
    absl::Status status = co_await OffloadWork(std::move(run));
    if (!status.ok()) co_return status;
    co_return *std::move(*result);
  }

  // Watches the typed rooms that ListRooms shows: `on_change` gets those of each shard, then, within about 100 ms, what
  // has changed, each time as a step of its own. Returns when it has got all that there are. Stops with the room.
  Awaitable<void> WatchRooms(std::function<void(const RoomListChange&)> on_change);

  // Runs `task` as a step of its own after `delay`, or every `interval`. Stops with the room, and is never run if the
  // step that asked for it is undone.
  Shard::TimerId After(absl::Duration delay, std::function<void()> task);
  Shard::TimerId Every(absl::Duration interval, std::function<void()> task);
  // Does nothing for a timer that has run or was cancelled.
  void CancelTimer(Shard::TimerId timer);

 private:
  friend class TypedRoom;
  template <typename State, typename Meta>
  friend class LiveRoom;

  Awaitable<absl::Status> OffloadWork(absl::AnyInvocable<void()> work);

  // The public state, and what the current step has changed of it.
  virtual StateTracker& tracker() = 0;
  virtual const StateTracker& tracker() const = 0;
  virtual google::protobuf::Message& meta_message() = 0;
  // Whether the current step has changed it, perhaps.
  virtual bool meta_touched() const = 0;
  // The step has ended: keep its changes of the private state, or take them back.
  virtual void KeepMeta() = 0;
  virtual void UndoMeta() = 0;

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
  using MetaMessage = Meta;

 protected:
  const State& state() const { return state_.value(); }

  // Changes the state: `change(State&)`. The members get what differs, as one patch a step. Costs a copy and a
  // comparison of the whole state; the recorders below cost what they change (live/tracked_state.h).
  template <typename Change>
  void Mutate(Change&& change) {
    state_.Mutate(std::forward<Change>(change));
  }

  // Append(&State::mutable_messages, message, 100): adds to a list, which keeps its last 100.
  template <typename List, typename Element>
  void Append(List* (State::*list)(), Element element, int keep = 0) {
    state_.Append(list, std::move(element), keep);
  }

  // Put(&State::mutable_players, id, player), Erase(&State::mutable_players, id): an entry of a map.
  template <typename Map>
  void Put(Map* (State::*map)(), const typename Map::key_type& key, typename Map::mapped_type value) {
    state_.Put(map, key, std::move(value));
  }
  template <typename Map>
  void Erase(Map* (State::*map)(), const typename Map::key_type& key) {
    state_.Erase(map, key);
  }

  // Changes the state and sends an event, which comes right behind the patch: no join, no other frame between them.
  template <typename Change>
  void EmitWithState(absl::string_view event, const google::protobuf::Message& data, Change&& change,
                     EmitOptions options = {}) {
    Mutate(std::forward<Change>(change));
    Emit(event, data, std::move(options));
  }

  const Meta& meta() const { return meta_; }

  template <typename Change>
  void MutateMeta(Change&& change) {
    if (!meta_before_) meta_before_ = meta_;
    std::forward<Change>(change)(meta_);
  }

 private:
  StateTracker& tracker() final { return state_; }
  const StateTracker& tracker() const final { return state_; }
  google::protobuf::Message& meta_message() final { return meta_; }
  bool meta_touched() const final { return meta_before_.has_value(); }
  void KeepMeta() final { meta_before_.reset(); }
  void UndoMeta() final {
    if (meta_before_) meta_ = *std::exchange(meta_before_, std::nullopt);
  }

  TrackedState<State> state_;
  Meta meta_;
  // As it was when the current step first touched it.
  std::optional<Meta> meta_before_;
};

}  // namespace atrium
