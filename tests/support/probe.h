#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rooms/chat.pb.h"
#include "rooms/counter.pb.h"
#include "server/live/authoring/live_component.h"
#include "server/live/authoring/live_room.h"
#include "server/live/authoring/room_registry.h"

namespace atrium {

// What rooms and components of tests did, in order; a test looks at it. One thread, or none while it is looked at.
class Diary {
 public:
  static void Note(std::string what) {
    if (pages_ != nullptr) pages_->push_back(std::move(what));
  }
  Diary() { pages_ = &notes; }
  ~Diary() { pages_ = nullptr; }
  std::vector<std::string> notes;

 private:
  static inline std::vector<std::string>* pages_ = nullptr;
};

// A typed room that refuses who says so: `{"username":"evil"}`. It counts whom OnLeave was told of.
class HallRoom final : public LiveRoom<rooms::CounterState, rooms::CounterMeta> {
 public:
  static constexpr absl::string_view kName = "hall";
  // OnJoin waits until it is opened.
  static inline bool closed = false;

  static void Describe(RoomType<HallRoom>& type);

  Awaitable<absl::Status> OnJoin(JoinContext& join) override;
  void OnLeave(LeaveContext& leave) override;
  // Who calls.
  absl::StatusOr<rooms::ChatMessage> WhoAmI(const rooms::AddMessageRequest& request, const CallContext& call);
};

// A component whose actions do what their request says: `user` is a room, mostly, and `text` the rest. Their result's
// text is what came out.
class ProbeComponent : public LiveComponent<rooms::ChatMessage> {
 public:
  using Request = rooms::AddMessageRequest;
  using Result = absl::StatusOr<rooms::ChatMessage>;
  static constexpr absl::string_view kName = "Probe";

  static void Describe(ComponentType<ProbeComponent>& type);

  // By what the client calls itself.
  Awaitable<absl::Status> OnMount() override;
  void OnUnmount(v1::LeaveReason reason) override;
  void OnRemoved(const std::string& room_id, v1::LeaveReason reason) override;

  Result Set(const Request& request);
  Result SetThenFail(const Request& request);
  Awaitable<Result> SetWaitFail(const Request& request);
  Result Throw(const Request& request);
  Result Grow(const Request& request);
  Result Bytes(const Request& request);
  Awaitable<Result> Wait(const Request& request);
  // With a text, as payload.
  Awaitable<Result> Join(const Request& request);
  Awaitable<Result> Leave(const Request& request);
  Result Listen(const Request& request);
  Awaitable<Result> JoinAndListen(const Request& request);
  Result Silence(const Request& request);
  Awaitable<Result> EmitInto(const Request& request);
  Awaitable<Result> EmitDefault(const Request& request);
  Awaitable<Result> Who(const Request& request);
  Awaitable<Result> Secret(const Request& request);
  Awaitable<Result> CountLeaves(const Request& request);
  Result Rooms(const Request& request);

 private:
  static Result Say(std::string text);
  static Result Say(const absl::Status& status);
  void SetText(std::string text);
  void Hear(const HeardEvent& event);
  static Awaitable<void> Sleep(std::chrono::milliseconds time);

  Subscription heard_;
};

// The same with little patience.
class HastyProbeComponent final : public ProbeComponent {
 public:
  static constexpr absl::string_view kName = "HastyProbe";
  static void Describe(ComponentType<HastyProbeComponent>& type);
  Awaitable<Result> WaitHastily(const Request& request) { return Wait(request); }
  Result SetNow(const Request& request) { return Set(request); }
};

// Registers all of them.
absl::Status AddProbes(RoomRegistry& registry);

}  // namespace atrium
