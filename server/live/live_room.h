#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "atrium/v1/resources.pb.h"
#include "server/live/room_type.h"
#include "server/wire/frames.h"
#include "server/wire/message_json.h"
#include "server/wire/payload.h"

namespace atrium {

class Room;

// What a hook of a room returns: it may wait (`co_await`) and ends with a value (`co_return`).
template <typename T>
using Awaitable = boost::asio::awaitable<T>;

// Who a hook or a method has to do with, by the server's word.
struct MemberInfo {
  std::string id;
  std::string user_id;
};

struct JoinContext {
  MemberInfo member;
  // As the service gave it; empty if it gave none.
  Payload payload;
};

struct LeaveContext {
  MemberInfo member;
  v1::LeaveReason reason;
};

struct CallContext {
  // The member that calls; none for a service.
  std::optional<MemberInfo> member;
  absl::Time time;
};

// What every typed room can do; derive from LiveRoom below.
//
// All of a room runs on the thread of its shard: room code needs no locks and must not block. What a hook or method
// does in one go (between two `co_await`s) is a step: its changes and events are staged, sent if the step ends well,
// and discarded if it ends with an error or throws.
class LiveRoomBase {
 public:
  LiveRoomBase() = default;
  LiveRoomBase(const LiveRoomBase&) = delete;
  LiveRoomBase& operator=(const LiveRoomBase&) = delete;
  virtual ~LiveRoomBase() = default;

  // Decides on a join. Not OK: rejected, with that status's message ("Join rejected by room" if it has none).
  // What it sets of the state, the joiner sees in its snapshot.
  virtual Awaitable<absl::Status> OnJoin(JoinContext& join);

  // Exactly one for each OnJoin that said yes and each member, before the member is removed.
  virtual void OnLeave(const LeaveContext& leave);

 protected:
  // The whole id, `chat:lobby`.
  const std::string& id() const;

  // Without the joiner during OnJoin, with the leaver during OnLeave.
  int MemberCount() const;

  absl::Time Now() const;

  // Sends an event to all members, behind the step's change of state.
  void Emit(absl::string_view event, const google::protobuf::Message& data);

 private:
  friend class Room;
  template <typename State, typename Meta>
  friend class LiveRoom;

  // The state's JSON form. Called after each step that changed it.
  virtual std::string StateJson() const = 0;
  // Whether this step has touched the state.
  virtual bool StateTouched() const = 0;
  // The step has ended: keep its changes, or take them back.
  virtual void KeepStep() = 0;
  virtual void UndoStep() = 0;

  Room* room_ = nullptr;
};

// The base of a typed room. `State` is public: every member has a copy that patches keep equal. `Meta` is private
// and never leaves the server. Both are protobuf messages, at their default when the room is created.
//
// A room class has `static constexpr absl::string_view kName` and `static void Describe(RoomType<T>&)`.
template <typename State, typename Meta>
class LiveRoom : public LiveRoomBase {
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
