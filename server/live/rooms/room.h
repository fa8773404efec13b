#pragma once

#include <any>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "atrium/v1/frames.pb.h"
#include "server/common/log.h"
#include "server/live/authoring/room_type.h"
#include "server/live/rooms/admission.h"
#include "server/live/rooms/emission.h"
#include "server/live/rooms/fanout.h"
#include "server/live/rooms/restored_room.h"
#include "server/live/rooms/room_metadata.h"
#include "server/live/rooms/room_settings.h"
#include "server/live/rooms/room_state.h"
#include "server/live/rooms/room_storage.h"
#include "server/live/rooms/room_update.h"
#include "server/live/rooms/roster.h"
#include "server/live/rooms/typed_room.h"
#include "server/live/shards/on_shard.h"
#include "server/live/shards/shard.h"

namespace atrium {

// One running room. It decides what happens, in which order, and lets its parts do it: the roster knows who is there,
// the state what is shared, the storage what the log has, and a typed room's code runs in its TypedRoom.
//
// Every change takes the next offset and goes to the members as one frame, so that all of them see the same frames
// in the same order. It runs on its shard.
class Room final : private StepSink {
 public:
  // What all rooms of a type on one shard have in common.
  struct Env {
    Shard& shard;
    const RoomSettings& settings;
    // The type is null for untyped rooms, whose options are at their defaults.
    const RoomTypeInfo* type;
    const RoomOptions& options;
    RoomServices services;
    RoomCounters& counters;
    Fanout::Env fanout;
    Log& log;
    // Is called when the room has been empty for its time and nothing in it runs, outside of the room's own code.
    std::function<void(const std::string& id)> on_idle;
    // Durable rooms are kept here; if this is null, they live in memory only.
    RoomLog* room_log = nullptr;
    // Is called when what the room has in memory could not be stored: it is to be abandoned, now.
    std::function<void(const std::string& id)> on_lost;
  };

  // Makes a new room; the state of an untyped one starts as `initial_state`. The log has a durable one open. `env`
  // outlives it.
  Room(std::string id, json::object initial_state, std::string epoch, const Env& env);
  // Makes a durable room that comes back from the log, which has it open.
  Room(std::string id, RestoredRoom restored, const Env& env);
  ~Room() override;

  // ---- What there is to know of it

  const std::string& id() const { return fanout_.room().id; }
  const RoomTypeInfo* type() const { return env_.type; }
  Shard& shard() const { return env_.shard; }
  v1::Position position() const;
  v1::Room Describe() const;
  bool listed() const { return !unlisted_; }
  // Returns what services and its own code have set.
  json::object Metadata() const { return metadata_.All(); }
  const Payload& state();
  // Returns when something last happened in it.
  SteadyTime last_activity() const { return last_activity_.steady; }
  const Roster& roster() const {
    ATRIUM_ON_SHARD(env_.shard);
    return roster_;
  }
  // What is asked of a durable room; every room answers.
  RoomStorage& storage() {
    ATRIUM_ON_SHARD(env_.shard);
    return storage_;
  }

  // ---- Its life, for RoomManager

  // Runs OnCreate, or OnLoad of one that comes back; before it is `done` with OK, nothing else may be called. It is
  // done at once for an untyped room.
  void Create(absl::AnyInvocable<void(absl::Status)> done);
  // Runs OnDestroy on an idle room; `done` gets false if the room wants to stay. Nothing else may be called meanwhile.
  void Destroy(absl::AnyInvocable<void(bool)> done);
  // Returns whether nobody is in it, no join is pending, and no hook runs.
  bool idle() const;
  // Says that it was not destroyed: OnDestroy is asked again after another empty_ttl, a second at least, and of a
  // durable room when nothing has happened for another durable_ttl.
  void Stay();
  // Takes out everybody, pending joins included; they are told. The room is idle for good once its hooks have ended.
  void Clear();
  // Does the same with a room that the log has refused, without hooks: the room in the log knows nothing of it.
  void Abandon();

  // ---- Who comes and goes

  // Decides on the join of `who`; a pending decision holds a seat. `done` gets RESOURCE_EXHAUSTED if the room is full,
  // FAILED_PRECONDITION if it is locked, PERMISSION_DENIED or what OnJoin says if it refused, CANCELLED if the member
  // leaves before. A member whose join is pending, or whose leave is not at its end, is decided on anew when that is
  // over. With `since`, and if that is covered, it gets the public frames that it missed.
  void Join(MemberIdentity who, Payload payload, std::optional<v1::Position> since, JoinDone done);

  // Takes a member out; one whose join is pending is taken out when that is decided. With `tell` its session gets a
  // `left` frame. NOT_FOUND if it is not a member.
  absl::Status Leave(const std::string& member_id, v1::LeaveReason reason, bool tell);

  // A session goes on in the room, over a connection of that encoding: with what it missed since a position, else with
  // everything. `members` are its own. NOT_FOUND if none of them is in the room.
  absl::StatusOr<Admission> CatchUp(const std::vector<std::string>& members, Encoding encoding,
                                    const std::optional<v1::Position>& since);
  // Members have lost their connection, or have one again; the others are told.
  void SetConnected(const std::vector<std::string>& members, bool connected);

  // Begins to send everything that is public to an observer, until Unwatch or the room's end.
  Admission Watch(const ObserverIdentity& observer, const std::optional<v1::Position>& since);
  void Unwatch(SessionKey observer);

  // ---- What goes through it

  // Sends an event; returns how many sessions it was handed to. A client's event into a typed room: PERMISSION_DENIED
  // unless the type lets it in, INVALID_ARGUMENT if its data are not the event's. Else what OnEvent says. It is not for
  // a room that decides later.
  absl::StatusOr<int> Emit(Emission emission);
  // Does the same where OnEventAsync has a say too. `done` runs once, maybe at once; with CANCELLED if the member
  // leaves before, NOT_FOUND if the room is destroyed before, RESOURCE_EXHAUSTED if too many events of the member wait.
  void EmitLater(Emission emission, EmitDone done);
  bool decides_later() const { return typed_ != nullptr && type()->hooks.on_event_async; }

  // Returns public frames after `since` (else all that are kept), `most` at most, in whatever encodings. OUT_OF_RANGE
  // if they are not all kept any more, or `since` is of another epoch.
  absl::StatusOr<std::vector<FramePtr>> GetHistory(const std::optional<v1::Position>& since, size_t most);

  // Merges into the state of an untyped room. FAILED_PRECONDITION if it is typed; RESOURCE_EXHAUSTED if the state
  // would pass its limit; ABORTED if a patch has a greater offset than `expected_offset`, or the room has not come to
  // that: nothing is changed then.
  absl::Status SetState(const json::object& merge, std::optional<uint64_t> expected_offset = std::nullopt);

  // Runs a typed room's method, for `member` or (null) a service. `done` runs once, maybe at once, with
  // FAILED_PRECONDITION if it has no such method, PERMISSION_DENIED if it is not for members and the call comes from
  // the member's client, not from server code; else what it returns.
  void Call(absl::string_view method, const json::value& args, const MemberIdentity* member, bool from_client,
            TypedRoom::CallDone done);

  void Update(RoomUpdate update);

 private:
  // StepSink.
  absl::Status CommitState(const StateChange& change) override;
  void CommitMeta() override;
  int EmitStaged(const StagedEvent& event) override;
  absl::StatusOr<json::object> MergeMetadata(const json::object& keys) const override;
  void SetOwnMetadata(json::object metadata) override;
  const std::string& room_id() const override { return id(); }
  int member_count() const override { return roster_.count(); }
  std::vector<MemberInfo> MemberInfos() const override { return roster_.Infos(); }
  void OnHooksEnded() override { WatchEmptiness(); }
  void CountSlowStep() override { env_.counters.slow_steps.Add(1); }

  Room(std::string id, std::string epoch, absl::Time create_time, const Env& env, Journal::Start log,
       json::object initial_state, std::unique_ptr<RoomBehaviour> behaviour);
  const RoomOptions& options() const { return env_.options; }
  const std::string& epoch() const { return fanout_.room().epoch; }
  // Says that something happens in it now.
  void Touch() { last_activity_ = env_.shard.ThisMoment(); }
  void ListingChanged();

  // These are for durable rooms.
  std::shared_ptr<Journal> MakeJournal(const std::string& id, Journal::Start log);
  void Restore(const RestoredRoom& restored);
  Journal::Image MakeImage();
  StoredSettings Settings() const;
  void StoreSettings();
  // Says goodbye to the members that were in it when it was last stored.
  void ForgetOldMembers();

  // Tells on_idle when the room has been idle for its time.
  void WatchEmptiness(absl::Duration at_least = absl::ZeroDuration());
  void FinishJoin(JoinAttempt join, std::any membership, absl::Status verdict);
  // Returns what a joiner is told of OnJoin's verdict; it left before if `gone` says why.
  absl::StatusOr<Admission> Decide(JoinAttempt& join, std::any membership, absl::Status verdict,
                                   std::optional<v1::LeaveReason> gone);
  // Decides on joins that have waited, in their order.
  void JoinAll(std::vector<JoinAttempt> joins);
  Admission TakeIn(MemberIdentity who, std::any membership, const std::optional<v1::Position>& since);
  // Makes an admission with the state and all members.
  Admission MakeAdmission(const std::string& member_id);
  // Makes one with what follows `since` instead, if that is covered.
  Admission Recover(const std::string& member_id, Encoding encoding, const std::optional<v1::Position>& since,
                    const History::Wanted& wanted);
  bool Covers(const v1::Position& since);
  // Takes out a member, of whom OnLeave has heard.
  void TakeOut(const std::string& member_id, v1::LeaveReason reason, bool tell);
  // Runs what of a leave may wait.
  void GoOnLeaving(LeaveContext leave);
  FramePtr LeftFrame(const MemberIdentity& who, v1::LeaveReason reason) const;
  void TellPresence();

  Audience AudienceOf(const MemberIdentity* sender, bool include_self, const EmitOptions& options) const;
  Fanout::Members FindMembers(const std::vector<std::string>& ids) const;
  absl::Status CheckEvent(const Emission& emission) const;
  void DecideOn(const PendingEventPtr& event);
  void Settle(PendingEvent& event, absl::Status verdict);
  int Send(Event event, const EmitOptions& options, const Audience& audience);
  void SendPatch(StateChange change);
  // Sends what is folded, if anything is; that is asked before each event.
  void FlushPatch() {
    if (state_.folding()) SendFolded();
  }
  void SendFolded();
  void Delivered(int sessions) { env_.counters.deliveries.Add(sessions); }

  const Env& env_;
  const absl::Time create_time_;
  Moment last_activity_;
  // Whether it comes from the log.
  bool restored_ = false;
  // Whether OnCreate has said yes, and OnDestroy is not being asked.
  bool open_ = false;
  bool cleared_ = false;
  bool locked_ = false;
  bool unlisted_ = false;
  RoomMetadata metadata_;
  RoomState state_;
  Roster roster_;
  // The fanout uses the storage's journal.
  RoomStorage storage_;
  Fanout fanout_;
  // The timer runs while the room is idle.
  Shard::TimerId empty_timer_ = 0;
  // This is null if the room is untyped. Its code may call back into all of the above, so that it comes last.
  std::unique_ptr<TypedRoom> typed_;
};

}  // namespace atrium
