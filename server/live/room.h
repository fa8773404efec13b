#pragma once

#include <any>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "atrium/v1/frames.pb.h"
#include "server/common/counter.h"
#include "server/common/log.h"
#include "server/common/prefetch.h"
#include "server/common/rare.h"
#include "server/live/fanout.h"
#include "server/live/idempotency.h"
#include "server/live/journal.h"
#include "server/live/member.h"
#include "server/live/presence.h"
#include "server/live/restored_room.h"
#include "server/live/room_type.h"
#include "server/live/shard.h"
#include "server/live/typed_room.h"

namespace atrium {

struct RoomSettings {
  // Of the state's JSON. 0: no limit.
  size_t max_state_bytes = 1 << 20;
  // How long a room without members is kept, unless its type says otherwise.
  absl::Duration empty_ttl = absl::Minutes(5);
  // What it keeps for those who missed some, unless its type says otherwise.
  HistoryLimits history;
  // How long a durable room is kept in which nothing happens. 0: for ever.
  absl::Duration durable_ttl = absl::Hours(30 * 24);
  // How long a member may be without a connection, unless its type says otherwise.
  absl::Duration resume_window = absl::Seconds(15);
  // Longer frames are compressed for those who take that, in bytes. 0: none are.
  size_t compress_above = 1024;
};

// What the rooms of one type on one shard have done.
struct RoomCounters {
  Counter rooms;
  Counter members;
  Counter events;
  // Frames handed to sessions.
  Counter deliveries;
  // Of those who named a position: how many got what they missed since, and how many everything anew.
  Counter recovered;
  Counter not_recovered;
};

// An event on its way into a room from outside.
struct Emission {
  absl::string_view event;
  Payload data;
  // The member that emits; null for a service.
  const MemberIdentity* sender = nullptr;
  bool include_self = false;
  // The sender's server code emits, not its client.
  bool trusted = false;
  EmitOptions options;
};

// What a service may set of a room.
struct RoomUpdate {
  std::optional<bool> locked;
  std::optional<bool> unlisted;
  // Replaces all that services have set; not what the room's code has.
  std::optional<json::object> metadata;
};

// What a joiner, an observer or who comes back is told: the state, or the frames that it missed, and where the room's
// frames come from.
struct Admission {
  // Its `state` is beside it.
  v1::JoinResponse response;
  Payload state;
  // If `recovered`, in the encoding of who asked.
  std::vector<FramePtr> missed;
  std::shared_ptr<Channel> channel;
  // It was a member before: nothing has changed.
  bool again = false;
  // The first member of its session in this room: the session adds itself to the channel.
  bool first_of_session = false;
};
using JoinDone = absl::AnyInvocable<void(absl::StatusOr<Admission>)>;

// One running room: members, state, history position, and for a typed room its LiveRoom.
//
// Every change takes the next offset and goes to the members as one frame, so that all of them see the same frames
// in the same order. Runs on its shard.
class Room final : private StepSink {
 public:
  // The same for all rooms of a type on one shard.
  struct Env {
    Shard& shard;
    const RoomSettings& settings;
    // Null for untyped rooms, whose options are at their defaults.
    const RoomTypeInfo* type;
    const RoomOptions& options;
    RoomServices services;
    RoomCounters& counters;
    Fanout::Env fanout;
    Log& log;
    // The room has been empty for its time and nothing in it runs. Called outside of the room's own code.
    std::function<void(const std::string& id)> on_idle;
    // Where durable rooms are kept; null if they live in memory only.
    RoomLog* store = nullptr;
    // What the room has in memory could not be stored: it is to be abandoned, now.
    std::function<void(const std::string& id)> on_lost;
  };

  // A new room; the state of an untyped one starts as `initial_state`. The log has a durable one open. `env` outlives
  // it.
  Room(std::string id, json::object initial_state, std::string epoch, const Env& env);
  // A durable room that comes back from the log, which has it open.
  Room(std::string id, const RestoredRoom& restored, const Env& env);
  ~Room() override;

  const std::string& id() const { return fanout_.room().id; }
  const RoomTypeInfo* type() const { return env_.type; }
  int member_count() const override {
    return static_cast<int>(company_->members.size()) + (company_->unseen_leaver == nullptr ? 0 : 1);
  }
  absl::Time Now() const { return env_.shard.Now(); }
  absl::Time last_activity_time() const { return last_activity_time_; }
  // It is used next.
  void PrefetchParts() const {
    Prefetch(this);
    Prefetch(company_.get());
    fanout_.PrefetchParts();
  }
  // Something happens in it now.
  void Touch() { last_activity_time_ = env_.shard.Now(); }
  bool listed() const { return !unlisted_; }
  v1::Position position() const;
  v1::Room Describe() const;
  // What services and its own code have set.
  json::object Metadata() const;
  const Payload& state();
  const MemberIdentity* FindMember(absl::string_view id) const;
  const absl::flat_hash_map<std::string, Member>& members() const { return company_->members; }

  // Runs OnCreate, or OnLoad of one that comes back; before it is `done` with OK, nothing else may be called. At once
  // for an untyped room.
  void Create(absl::AnyInvocable<void(absl::Status)> done);
  // Runs OnDestroy on an idle room; false if the room wants to stay. Nothing else may be called meanwhile.
  void Destroy(absl::AnyInvocable<void(bool)> done);
  // Nobody is in it, no join is pending, no hook runs.
  bool idle() const;
  // It was not destroyed: OnDestroy is asked again after another empty_ttl, a second at least.
  void Stay();

  // ---- Of a durable room; of others, everything is stored at once and there is nothing to put aside

  bool durable() const { return journal_ != nullptr; }
  // Runs `task` when all that the room has done is on disk, behind what waits for that already.
  void WhenStored(Journal::Task task);
  bool all_stored() const { return journal_ == nullptr || journal_->all_stored(); }
  // Sees to it that the room can be loaded fast, and runs `done` when it may go.
  void PutAside(Journal::Task done);
  // Removes the room from the log.
  void Erase(Journal::Task done);
  // What a listing shows of it, serialised.
  std::string Head() const;
  // Its members are told that they have left; no hook runs for that, the room in the log knows nothing of it. The room
  // is idle for good once its hooks have ended.
  void Abandon();

  // The answers to requests with an idempotency key. What is to be stored of one goes through KeepAnswer.
  Idempotency& idempotency() { return idempotency_.Get(); }
  void KeepAnswer(StoredAnswer answer);

  // Decides on the join of `who`; a pending decision holds a seat. `done` gets RESOURCE_EXHAUSTED if the room is full,
  // FAILED_PRECONDITION if it is locked, PERMISSION_DENIED or what OnJoin says if it refused, ABORTED if a join of this
  // member is pending. With `since`, and if that is covered, it gets the public frames that it missed.
  void Join(MemberIdentity who, Payload payload, absl::optional<v1::Position> since, JoinDone done);

  // A session goes on in the room, over a connection of that encoding: with what it missed since a position, else with
  // everything. `members` are its own. NOT_FOUND if none of them is in the room.
  absl::StatusOr<Admission> CatchUp(const std::vector<std::string>& members, Encoding encoding,
                                    const absl::optional<v1::Position>& since);
  // Members have lost their connection, or have one again; the others are told.
  void SetConnected(const std::vector<std::string>& members, bool connected);

  // Begins to send everything that is public to an observer, until Unwatch or the room's end.
  Admission Watch(const ObserverIdentity& observer, const absl::optional<v1::Position>& since);
  void Unwatch(SessionKey observer);

  // Public frames after `since` (else all that are kept), `most` at most, in whatever encodings. OUT_OF_RANGE if they
  // are not all kept any more, or `since` is of another epoch.
  absl::StatusOr<std::vector<FramePtr>> GetHistory(const absl::optional<v1::Position>& since, size_t most);

  // Takes a member out; one whose join is pending is taken out when that is decided. With `tell` its session gets a
  // `left` frame. NOT_FOUND if it is not a member.
  absl::Status Leave(const std::string& member_id, v1::LeaveReason reason, bool tell);
  // Takes out everybody, pending joins included; they are told. The room is idle for good once its hooks have ended.
  void Clear();

  // Sends an event; returns how many sessions it was handed to. A member's event into a typed room: PERMISSION_DENIED
  // unless the type lets it in, INVALID_ARGUMENT if its data are not the event's. Else what OnEvent says.
  absl::StatusOr<int> Emit(Emission emission);

  // Merges into the state of an untyped room. FAILED_PRECONDITION if it is typed; RESOURCE_EXHAUSTED if the state
  // would pass its limit; ABORTED if a patch has a greater offset than `expected_offset`: nothing is changed then.
  absl::Status SetState(const json::object& merge, absl::optional<uint64_t> expected_offset = absl::nullopt);

  // Runs a typed room's method, for `member` or (null) a service. `done` runs once, maybe at once, with
  // FAILED_PRECONDITION if it has no such method, PERMISSION_DENIED if members may not call it, unless it is the
  // member's server code that does (`trusted`); else what it returns.
  void Call(absl::string_view method, const json::value& args, const MemberIdentity* member, TypedRoom::CallDone done,
            bool trusted = false);

  void Update(RoomUpdate update);

 private:
  // A join that OnJoin has not decided on yet.
  struct PendingJoin {
    // Whoever joined has gone meanwhile, for this reason.
    std::optional<v1::LeaveReason> gone;
  };
  // Who is in the room, and who is about to be.
  struct Company {
    absl::flat_hash_map<std::string, Member> members;
    absl::flat_hash_map<std::string, PendingJoin> pending;
    absl::flat_hash_map<SessionKey, ObserverIdentity> observers;
    // During the OnLeave of one that went before its join was decided.
    std::unique_ptr<MemberInfo> unseen_leaver;
    Presence presence;
    Shard::TimerId presence_timer = 0;
  };
  struct MetadataParts {
    json::object of_services;
    // As room code set it, which goes first.
    json::object own;
  };

  // StepSink.
  absl::Status CommitState(const StateChange& change) override;
  void CommitMeta(const google::protobuf::Message& meta) override;
  int EmitStaged(const StagedEvent& event) override;
  absl::StatusOr<json::object> MergeMetadata(const json::object& keys) const override;
  void SetOwnMetadata(json::object metadata) override;
  const std::string& room_id() const override { return id(); }
  std::vector<MemberInfo> MemberInfos() const override;
  void OnHooksEnded() override { WatchEmptiness(); }

  Room(std::string id, std::string epoch, absl::Time create_time, const Env& env, Journal::Start log);
  std::shared_ptr<Journal> MakeJournal(const std::string& id, Journal::Start log);
  const std::string& epoch() const { return fanout_.room().epoch; }
  void Restore(const RestoredRoom& restored);
  RoomSnapshot MakeSnapshot();
  void StoreJoin(const MemberIdentity& who);
  void StoreSettings();
  StoredSettings Settings() const;
  // Says goodbye to the members that were in it when it was last stored.
  void ForgetOldMembers();

  // Tells on_idle when the room has been idle for its time.
  void WatchEmptiness(absl::Duration at_least = absl::ZeroDuration());
  void FinishJoin(MemberIdentity who, std::any membership, const absl::optional<v1::Position>& since,
                  absl::Status verdict, JoinDone done);
  void SetPendingGone();
  FramePtr LeftFrame(const MemberIdentity& who, v1::LeaveReason reason) const;
  Admission Admit(MemberIdentity who, std::any membership, const absl::optional<v1::Position>& since);
  // With the state and all members.
  Admission MakeAdmission(const std::string& member_id);
  // Instead, if `since` is covered, with what follows it.
  Admission Recover(const std::string& member_id, Encoding encoding, const absl::optional<v1::Position>& since,
                    const History::Wanted& wanted);
  bool Covers(const v1::Position& since);
  const RoomOptions& options() const { return env_.options; }
  bool ListsMembers() const;
  void TellPresence();
  // If nobody is left, and nothing to be told of those who were.
  void ForgetCompany();

  Audience AudienceOf(const MemberIdentity* sender, bool include_self, const EmitOptions& options) const;
  Fanout::Members FindMembers(const std::vector<std::string>& ids) const;
  absl::Status CheckEvent(const Emission& emission) const;
  int Send(Event event, const EmitOptions& options, const Audience& audience);
  absl::Status CheckLimits(const StateChange& change) const;
  void SendPatch(const Patch& patch);
  // Sends what is folded.
  void FlushPatch();
  void Delivered(int sessions) { env_.counters.deliveries.Add(sessions); }
  void ListingChanged();

  const Env& env_;
  const absl::Time create_time_;
  absl::Time last_activity_time_;
  // It comes from the log.
  bool restored_ = false;
  // OnCreate has said yes, and OnDestroy is not being asked.
  bool open_ = false;
  bool cleared_ = false;
  bool locked_ = false;
  bool unlisted_ = false;
  Rare<MetadataParts> metadata_;

  // Of an untyped room; a typed one has its own.
  json::object state_;
  // Of the state's JSON, with what is folded.
  size_t state_bytes_;
  // The state as members have it; empty when that has changed.
  Payload state_payload_;
  // Of the last patch.
  uint64_t patch_offset_ = 0;
  // Most rooms are empty most of the time.
  Rare<Company> company_;
  Rare<Idempotency> idempotency_;
  // Null if the room is not durable. Before fanout_, which uses it.
  const std::shared_ptr<Journal> journal_;
  Fanout fanout_;
  Shard::TimerId patch_timer_ = 0;
  Shard::TimerId empty_timer_ = 0;
  // Null if untyped. Its code may call back into all of the above: last.
  std::unique_ptr<TypedRoom> typed_;
};

}  // namespace atrium
