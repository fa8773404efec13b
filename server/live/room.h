#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "atrium/v1/frames.pb.h"
#include "server/common/counter.h"
#include "server/common/log.h"
#include "server/live/channel.h"
#include "server/live/live_room.h"
#include "server/live/member.h"
#include "server/live/presence.h"
#include "server/live/room_type.h"
#include "server/live/shard.h"

namespace atrium {

struct RoomSettings {
  // Of the state's JSON. 0: no limit.
  size_t max_state_bytes = 1 << 20;
  // How long a room without members is kept.
  absl::Duration empty_ttl = absl::Minutes(5);
};

// What the rooms of one type on one shard have done.
struct RoomCounters {
  Counter rooms;
  Counter members;
  Counter events;
  // Frames handed to sessions.
  Counter deliveries;
};

// An event on its way into a room.
struct Emission {
  absl::string_view event;
  Payload data;
  // The member that emits; null for a service or the room itself.
  const MemberIdentity* sender = nullptr;
  bool include_self = false;
  // Member ids. With any in `to`, only these get it.
  std::vector<std::string> exclude;
  std::vector<std::string> to;
};

// What a joiner is told: its reply, the state beside it, and where the room's frames come from.
struct Admission {
  v1::JoinResponse response;
  Payload state;
  std::shared_ptr<Channel> channel;
  // It was a member before: nothing has changed.
  bool again = false;
};
using JoinDone = absl::AnyInvocable<void(absl::StatusOr<Admission>)>;

// One running room: members, state, history position, and for a typed room its LiveRoom.
//
// Every change takes the next offset and goes to the members as one frame, so that all of them see the same frames
// in the same order. Runs on its shard.
class Room {
 public:
  struct Env {
    Shard& shard;
    int shards;
    const RoomSettings& settings;
    RoomCounters& counters;
    Log& log;
    // Removes the room `id`; the room is gone when this returns.
    std::function<void(const std::string& id)> remove;
  };

  // `type` is null for an untyped room, whose state starts as `initial_state`.
  Room(std::string id, const RoomTypeInfo* type, json::object initial_state, std::string epoch, Env env);
  ~Room();

  const std::string& id() const { return id_; }
  const RoomTypeInfo* type() const { return type_; }
  int member_count() const { return static_cast<int>(members_.size()); }
  absl::Time create_time() const { return create_time_; }
  absl::Time last_activity_time() const { return last_activity_time_; }
  v1::Position position() const;
  v1::Room Describe() const;
  const Payload& state();
  const MemberIdentity* FindMember(absl::string_view id) const;
  const absl::flat_hash_map<std::string, Member>& members() const { return members_; }

  // Decides on the join of `who`; a pending decision holds a seat. `done` gets RESOURCE_EXHAUSTED if the room is full,
  // PERMISSION_DENIED if it refused, ABORTED if a join of this member is pending.
  void Join(MemberIdentity who, Payload payload, JoinDone done);

  // Takes a member out; one whose join is pending is taken out when that is decided. With `tell` its session gets a
  // `left` frame. NOT_FOUND if it is not a member.
  absl::Status Leave(const std::string& member_id, v1::LeaveReason reason, bool tell);

  // Sends an event. Returns how many sessions it was handed to.
  int Emit(const Emission& emission);

  // Merges into the state of an untyped room. FAILED_PRECONDITION if it is typed; RESOURCE_EXHAUSTED if the state
  // would pass its limit: nothing is changed then.
  absl::Status SetState(const json::object& merge);

  struct CallResult {
    Payload result;
    // Sessions that the events of the call were handed to.
    int notified = 0;
  };
  // Runs a typed room's method as one step. FAILED_PRECONDITION if it has no such method; else what it returns.
  absl::StatusOr<CallResult> Call(absl::string_view method, const json::value& args,
                                  std::optional<MemberInfo> member = std::nullopt);

 private:
  friend class LiveRoomBase;

  // A join that OnJoin has not decided on yet.
  struct PendingJoin {
    bool gone = false;  // its session has gone meanwhile
  };
  struct StagedEvent {
    std::string event;
    Payload data;
  };

  Awaitable<absl::Status> Decide(std::shared_ptr<JoinContext> join);
  void FinishJoin(MemberIdentity who, std::exception_ptr thrown, absl::Status verdict, JoinDone done);
  Admission Admit(MemberIdentity who);
  Admission MakeAdmission(const MemberIdentity& who) const;
  void RunOnLeave(const MemberIdentity& who, v1::LeaveReason reason);

  // Sends what the step has staged. Not OK: the step was undone.
  absl::Status CommitStep();
  void UndoStep();
  // A hook that waits has ended its step: what it staged goes out before anything else of the room runs.
  void EndOpenStep();
  absl::Status CommitState();

  void TellPresence();
  void PublishPresence();
  void PublishPatch(const Patch& patch);
  // Returns how many sessions got the frame.
  int Publish(const FramePtr& frame, const Audience& audience);
  Audience AudienceOf(const Emission& emission) const;
  Audience::Sessions SessionsOf(const std::vector<std::string>& member_ids) const;
  void CountEncoding(const MemberIdentity& who, int n);
  EncodingSet encodings() const;

  void Touch() { last_activity_time_ = env_.shard.Now(); }
  void WatchEmptiness();

  const std::string id_;
  const RoomTypeInfo* const type_;
  const std::string epoch_;
  Env env_;
  const std::shared_ptr<Channel> channel_;
  const std::unique_ptr<LiveRoomBase> live_;  // null if untyped
  const absl::Time create_time_;
  absl::Time last_activity_time_;

  uint64_t offset_ = 0;
  json::value state_;
  size_t state_bytes_;     // JsonSize(state_); of untyped rooms only
  Payload state_payload_;  // of state_; empty when that has changed
  absl::flat_hash_map<std::string, Member> members_;
  absl::flat_hash_map<std::string, PendingJoin> pending_;

  Presence presence_;
  Shard::TimerId presence_timer_ = 0;
  Shard::TimerId empty_timer_ = 0;

  std::vector<StagedEvent> staged_;
  int step_notified_ = 0;

  // Members by shard and by encoding.
  struct ShardMembers {
    Shard* shard = nullptr;
    int count = 0;
  };
  std::vector<ShardMembers> members_on_;
  std::array<int, kEncodings> members_with_{};
};

}  // namespace atrium
