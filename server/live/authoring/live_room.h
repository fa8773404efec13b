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
#include "server/live/authoring/hooks.h"
#include "server/live/authoring/room_behaviour.h"
#include "server/live/authoring/room_list_change.h"
#include "server/live/authoring/room_type.h"
#include "server/live/authoring/tracked_state.h"
#include "server/live/shards/shard.h"
#include "server/live/shards/turns.h"
#include "server/wire/frames.h"
#include "server/wire/message_json.h"

namespace atrium {

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
//
// OnEvent and OnLeave have two forms each: one that runs at once, and one that may wait, which runs behind it.
class LiveRoomBase : public RoomBehaviour {
 public:
  // Runs once, before anything else. If it is not OK, the room is removed, and joins are told "Room initialization
  // failed".
  Awaitable<absl::Status> OnCreate() override;

  // Runs instead of OnCreate when a durable room comes back from the log. State and meta are as they were; timers and
  // what else lived in memory are gone. OnLeave then follows for each member that was in the room (reason cleanup,
  // without its membership). If it is not OK, the room is not loaded, and who wanted it is told so.
  Awaitable<absl::Status> OnLoad() override;

  // Decides on a join, which holds its seat meanwhile. If it is not OK, the join is rejected, with that status if it
  // has a reason (MakeError), else with PERMISSION_DENIED and its message ("Join rejected by room" if it has none). The
  // joiner sees in its snapshot what this sets of the state.
  Awaitable<absl::Status> OnJoin(JoinContext& join) override;

  // Runs exactly once for each OnJoin that said yes, before the member is removed. If it throws, the member is removed
  // all the same.
  void OnLeave(LeaveContext& leave) override;

  // Goes on with a leave, behind OnLeave and with what that made of `leave`: the member is removed, and the others have
  // been told. A join of the same member waits for it to end. If it throws, its last step is undone.
  Awaitable<void> OnLeaveAsync(LeaveContext& leave) override;

  // Runs before an event from outside is delivered: a member's, which the type's FromMembers lets in, or a service's.
  // If it is not OK, the event is refused with that status.
  absl::Status OnEvent(const EventContext& event) override;

  // Decides on an event that OnEvent lets pass, which is delivered behind the last step of this. Those of one member
  // are decided on one after the other, and come in the order in which it sent them; those of services, and what else
  // the member asks, do not wait for each other. A member that leaves takes back what is not delivered: CANCELLED. Of a
  // member, 64 events wait at most; more are refused with RESOURCE_EXHAUSTED.
  Awaitable<absl::Status> OnEventAsync(const EventContext& event) override;

  // Runs when the room has been empty for its empty_ttl. False keeps the room for another empty_ttl (a second at
  // least). It is not asked when the room is destroyed by DestroyRoom or by a failure.
  Awaitable<bool> OnDestroy() override;

  // What follows is for room code, and for the pieces that a room is made of, such as RoomPassword.

  // Returns the whole id, such as `chat:lobby`.
  const std::string& id() const;

  // Both are without the joiner during OnJoin, with the leaver during OnLeave, and without it during OnLeaveAsync.
  int MemberCount() const;
  std::vector<MemberInfo> Members() const;

  // Return the time that people are shown, of a clock that may be set, and the time for ages, of one that may not.
  absl::Time Now() const;
  SteadyTime Steady() const;

  // Sends an event, behind the step's change of state.
  void Emit(absl::string_view event, const google::protobuf::Message& data, EmitOptions options = {});

  // Sends an event with bytes that only the application understands, for what changes too often for patches.
  void EmitBinary(absl::string_view event, std::string bytes, EmitOptions options = {});

  // Sets these keys of the room's metadata, which everybody can see and services can filter by; a null removes its key.
  // They hide what services set under the same keys by UpdateRoom. A step that makes more than 4 KiB of JSON of them
  // fails with RESOURCE_EXHAUSTED.
  void SetMetadata(const json::object& keys);

  // Runs `work` on a thread of the server's worker pool, and goes on with what it returned: for what would hold up
  // everything else on this thread. `work` must not touch the room. All `share`s take turns; by default that is the
  // room's. RESOURCE_EXHAUSTED ("try again") if too much waits for the pool, most of it of this share; UNAVAILABLE if
  // the server is shutting down, INTERNAL if `work` throws. What the pool comes to after the hook's deadline is not
  // done.
  template <typename Work, typename Result = std::invoke_result_t<Work&>>
  Awaitable<absl::StatusOr<Result>> Offload(Work work, std::optional<Share> share = std::nullopt) {
    auto result = std::make_shared<std::optional<Result>>();
    absl::AnyInvocable<void()> run = [work = std::move(work), result]() mutable { result->emplace(work()); };
    absl::Status status = co_await OffloadWork(std::move(run), std::move(share));
    if (!status.ok()) co_return status;
    co_return *std::move(*result);
  }

  // Goes on after `delay`.
  Awaitable<void> Delay(absl::Duration delay);

  // Goes on with OK when it has a turn, else with the errors of Turns::Wait.
  Awaitable<absl::Status> Turn(std::shared_ptr<Turns> turns, Share share);

  // Watches the typed rooms that ListRooms shows: `on_change` gets those of each shard, then, within about 100 ms, what
  // has changed, each time as a step of its own. It goes on when it has got all that there are, and the watch stops
  // with the room.
  Awaitable<void> WatchRooms(std::function<void(const RoomListChange&)> on_change);

  // Run `task` as a step of its own after `delay`, or every `interval`. The timer stops with the room, and never runs
  // if the step that asked for it is undone.
  Shard::TimerId After(absl::Duration delay, std::function<void()> task);
  Shard::TimerId Every(absl::Duration interval, std::function<void()> task);
  // Does nothing for a timer that has run or was cancelled.
  void CancelTimer(Shard::TimerId timer);

 private:
  void Attach(RoomContext& room, bool folding) final;
  // Returns the tracker of the public state.
  virtual StateTracker& tracker() = 0;
  Awaitable<absl::Status> OffloadWork(absl::AnyInvocable<void()> work, std::optional<Share> share);

  RoomContext* room_ = nullptr;
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

  // Calls `change(State&)`, which changes the state. The members get what differs, as one patch a step. It costs a copy
  // and a comparison of the whole state; the recorders below cost what they change (live/authoring/tracked_state.h). A
  // step that comes to more than 10,000 operations or 50,000 values fails with RESOURCE_EXHAUSTED.
  template <typename Change>
  void Mutate(Change&& change) {
    state_.Mutate(std::forward<Change>(change));
  }

  // Append(&State::mutable_messages, message, 100) adds to a list, which keeps its last 100.
  template <typename List, typename Element>
  void Append(List* (State::*list)(), Element element, int keep = 0) {
    state_.Append(list, std::move(element), keep);
  }

  // Put(&State::mutable_players, id, player) sets an entry of a map, and Erase(&State::mutable_players, id) removes it.
  template <typename Map>
  void Put(Map* (State::*map)(), const typename Map::key_type& key, typename Map::mapped_type value) {
    state_.Put(map, key, std::move(value));
  }
  template <typename Map>
  void Erase(Map* (State::*map)(), const typename Map::key_type& key) {
    state_.Erase(map, key);
  }

  // Changes the state and sends an event, which comes right behind the patch, with no join and no other frame between.
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

  // RoomBehaviour.
  Payload StateJson() const final { return Payload::FromText(MessageToJson(state_.committed(), JsonZeros::kPrint)); }
  std::string StateBytes() const final { return state_.committed().SerializeAsString(); }
  std::string MetaBytes() const final { return meta_.SerializeAsString(); }
  absl::Status ReadState(const std::string& bytes) final { return ReadMessage(bytes, state_.restored()); }
  absl::Status ReadStateJson(const json::value& state) final {
    state_.restored().Clear();
    return MessageFromJson(state, state_.restored());
  }
  absl::Status ReadMeta(const std::string& bytes) final { return ReadMessage(bytes, meta_); }
  bool state_touched() const final { return state_.touched(); }
  bool meta_touched() const final { return meta_before_.has_value(); }
  StateChange TakeChange() final { return state_.Take(); }
  void KeepStep() final {
    state_.Keep();
    meta_before_.reset();
  }
  void UndoStep() final {
    state_.Undo();
    if (meta_before_) meta_ = *std::exchange(meta_before_, std::nullopt);
  }
  StateChange FlushState() final { return state_.Flush(); }

  static absl::Status ReadMessage(const std::string& bytes, google::protobuf::Message& message) {
    return message.ParseFromString(bytes) ? absl::OkStatus() : absl::DataLossError("it cannot be parsed");
  }

  TrackedState<State> state_;
  Meta meta_;
  // The private state as it was when the current step first touched it.
  std::optional<Meta> meta_before_;
};

}  // namespace atrium
