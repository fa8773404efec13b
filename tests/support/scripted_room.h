#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/live/authoring/live_room.h"
#include "server/live/authoring/room_registry.h"
#include "tests/support/gate.h"
#include "tests/support/room_world.h"
#include "tests/support/scripted.pb.h"

namespace atrium::testing {

// One thing that a hook does.
enum class Do {
  kChange,      // counts `left` and `right` up, in this step
  kEmit,        // emits "said"
  kWait,        // waits at the gate of the hook's name
  kTimer,       // starts a timer of a second, which runs the plan "timer"
  kHalfChange,  // counts only `left` and emits "undone", which nobody may see: to be followed by a failure
  kThrow,
};

// What a hook does, one after the other, and what it says at its end.
struct Plan {
  std::vector<Do> steps;
  // Of OnDestroy, not OK keeps the room.
  absl::Status verdict;
  // It goes on although its deadline has passed.
  bool deaf = false;
};

// Is told what rooms do when they do it. Rooms have numbers, in the order in which they were made; each run of a hook
// has a ticket of its own, and OnLeave has that of the OnJoin whose membership it was given.
class Witness {
 public:
  virtual ~Witness() = default;
  virtual void Begins(int room, absl::string_view hook, int ticket, const std::string& member) = 0;
  // `yes`: it said so before its deadline.
  virtual void Ends(int room, absl::string_view hook, int ticket, bool yes) = 0;
  virtual void Gone(int room) = 0;
};

// What all rooms of these types do, and what they did. Must outlive them.
struct Script {
  Script();
  ~Script();

  RoomOptions options = {.empty_ttl = absl::Minutes(1)};
  // By hook: "create", "load", "join", "leave", "event", "destroy", "method", "timer"; of rooms of the type "waiting"
  // also "leave async", "event async". A hook without a plan says yes at once.
  std::map<std::string, Plan> plans;
  // Where hooks wait, by hook.
  std::map<std::string, Gate> gates;
  // "create", "join alice", "leave alice of 1, ticket 2, for LEAVE_REASON_LEAVE", ...: of how many members, and the
  // ticket of its OnJoin.
  std::vector<std::string> log;
  // If set, decides instead of `plans`.
  std::function<Plan(const std::string& hook)> decide;
  Witness* witness = nullptr;
  int rooms = 0;
  int tickets = 0;
};

// A room whose hooks do what a test has written.
class ScriptedRoom : public LiveRoom<ScriptedState, ScriptedMeta> {
 public:
  static constexpr absl::string_view kName = "scripted";
  // Method "change" for members and services, "secret" for services; members may emit "typing".
  static void Describe(RoomType<ScriptedRoom>& type);

  ScriptedRoom();
  ~ScriptedRoom() override;

  Awaitable<absl::Status> OnCreate() override;
  Awaitable<absl::Status> OnLoad() override;
  Awaitable<absl::Status> OnJoin(JoinContext& join) override;
  void OnLeave(LeaveContext& leave) override;
  absl::Status OnEvent(const EventContext& event) override;
  Awaitable<bool> OnDestroy() override;

  absl::StatusOr<ScriptedResult> Change(const ScriptedRequest& request, const CallContext& call);

 protected:
  template <typename T>
  static void DescribeAs(RoomType<T>& type);
  Awaitable<absl::Status> Play(std::string hook, std::string member, bool admits, int& ticket);

 private:
  class Run;

  absl::Status PlayNow(const std::string& hook, const std::string& member);
  // `late`: its hook is out of time.
  void Act(Do what, const std::string& member, bool late);
  void ChangeHalf(const std::string& member, bool late);

  const int number_;
};

// The same with the hooks that may wait where the others are done at once.
class WaitingRoom final : public ScriptedRoom {
 public:
  static constexpr absl::string_view kName = "waiting";
  static void Describe(RoomType<WaitingRoom>& type);

  Awaitable<void> OnLeaveAsync(LeaveContext& leave) override;
  Awaitable<absl::Status> OnEventAsync(const EventContext& event) override;
};

// A world whose types of rooms are "scripted" and "waiting".
class ScriptedWorld final : public RoomWorld {
 public:
  explicit ScriptedWorld(Script& script, Settings settings = Settings())
      : RoomWorld(Registry(), settings), script_(script) {}
  // Hooks that wait are destroyed where they stand.
  ~ScriptedWorld();

  static RoomRegistry Registry();

  // Those that wait at the gate of this hook go on.
  void Open(const std::string& hook) {
    script_.gates[hook].Open();
    Run();
  }

 private:
  Script& script_;
};

}  // namespace atrium::testing
