#pragma once

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "rooms/chat.pb.h"
#include "rooms/counter.pb.h"
#include "server/live/live_component.h"
#include "server/live/live_room.h"
#include "server/live/room_registry.h"

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

  static void Describe(RoomType<HallRoom>& type) {
    type.Method("whoami", &HallRoom::WhoAmI, Access::kMember)
        .Method("secret", &HallRoom::WhoAmI)
        .FromMembers<rooms::CounterRequest>("wave");
  }
  Awaitable<absl::Status> OnJoin(JoinContext& join) override {
    if (join.payload.Json().find("evil") != std::string::npos) co_return absl::PermissionDeniedError("No evil here");
    while (closed) {
      boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, std::chrono::milliseconds(1));
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
    Diary::Note("join " + join.member.id);
    co_return absl::OkStatus();
  }
  void OnLeave(LeaveContext& leave) override {
    Diary::Note(absl::StrCat("leave ", leave.member.id, " ", v1::LeaveReason_Name(leave.reason)));
    Mutate([](rooms::CounterState& state) { state.set_count(state.count() + 1); });
  }
  absl::StatusOr<rooms::ChatMessage> WhoAmI(const rooms::AddMessageRequest&, const CallContext& call) {
    rooms::ChatMessage answer;
    answer.set_id(call.member ? call.member->id : "");
    answer.set_user(call.member ? call.member->user_id : "a service");
    return answer;
  }
};

// A component whose actions do what their request says: `user` is a room, mostly, and `text` the rest. Their result's
// text is what came out.
class ProbeComponent : public LiveComponent<rooms::ChatMessage> {
 public:
  using Request = rooms::AddMessageRequest;
  using Result = absl::StatusOr<rooms::ChatMessage>;
  static constexpr absl::string_view kName = "Probe";

  template <typename T>
  static void DescribeActions(ComponentType<T>& type) {
    type.ClientSets({"user"})
        .Action("set", &T::Set)
        .Action("setThenFail", &T::SetThenFail)
        .Action("setWaitFail", &T::SetWaitFail)
        .Action("throw", &T::Throw)
        .Action("grow", &T::Grow)
        .Action("bytes", &T::Bytes)
        .Action("wait", &T::Wait)
        .Action("join", &T::Join)
        .Action("leave", &T::Leave)
        .Action("listen", &T::Listen)
        .Action("joinAndListen", &T::JoinAndListen)
        .Action("silence", &T::Silence)
        .Action("emit", &T::EmitInto)
        .Action("emitDefault", &T::EmitDefault)
        .Action("who", &T::Who)
        .Action("secret", &T::Secret)
        .Action("count", &T::CountLeaves)
        .Action("rooms", &T::Rooms);
  }
  static void Describe(ComponentType<ProbeComponent>& type) { DescribeActions(type); }

  // By what the client calls itself.
  Awaitable<absl::Status> OnMount() override {
    if (state().user() == "refused") {
      (co_await Room("anteroom").Join()).IgnoreError();
      co_return absl::PermissionDeniedError("not you");
    }
    if (state().user() == "early") {
      SetText("mounting");
      SendBinary("early bytes");
      if (absl::Status joined = co_await Room("early").Join(); !joined.ok()) co_return joined;
      SetText("mounted");
    }
    if (state().user() == "slow") co_await Sleep(std::chrono::seconds(60));
    Diary::Note("mount " + id());
    co_return absl::OkStatus();
  }
  void OnUnmount(v1::LeaveReason reason) override {
    Diary::Note(absl::StrCat("unmount ", id(), " ", v1::LeaveReason_Name(reason)));
  }
  void OnRemoved(const std::string& room_id, v1::LeaveReason reason) override {
    SetText(absl::StrCat("removed from ", room_id, " ", v1::LeaveReason_Name(reason)));
  }

  Result Set(const Request& request) {
    SetText(request.text());
    return Say("set");
  }
  Result SetThenFail(const Request& request) {
    SetText(request.text());
    return absl::FailedPreconditionError("planted");
  }
  Awaitable<Result> SetWaitFail(const Request& request) {
    SetText(request.text());
    co_await Sleep(std::chrono::milliseconds(1));
    SetText("never seen");
    co_return absl::FailedPreconditionError("planted");
  }
  Result Throw(const Request&) {
    SetText("never seen");
    throw std::runtime_error("planted");
  }
  Result Grow(const Request&) {
    SetText(std::string(2000, 'x'));
    return Say("grown");
  }
  Result Bytes(const Request& request) {
    SetText("bytes follow");
    SendBinary(request.text());
    SendBinary("volatile", /*is_volatile=*/true);
    return Say("sent");
  }
  Awaitable<Result> Wait(const Request& request) {
    co_await Sleep(std::chrono::seconds(60));
    SetText(request.text());
    co_return Say("waited");
  }
  // With a text, as payload.
  Awaitable<Result> Join(const Request& request) {
    rooms::CounterRequest payload;
    payload.set_username(request.text());
    co_return Say(co_await Room(request.user()).Join(payload));
  }
  Awaitable<Result> Leave(const Request& request) { co_return Say(co_await Room(request.user()).Leave()); }
  Result Listen(const Request& request) {
    heard_ = Room(request.user()).On(request.text(), [this](const HeardEvent& event) { Hear(event); });
    return Say("listening");
  }
  Awaitable<Result> JoinAndListen(const Request& request) {
    RoomHandle room = Room(request.user());
    if (absl::Status joined = co_await room.Join(); !joined.ok()) co_return joined;
    room.On<rooms::CounterRequest>(request.text(), [this](const rooms::CounterRequest& data) {
      SetText(absl::StrCat(state().text(), "+", data.username()));
    });
    co_return Say("listening");
  }
  Result Silence(const Request&) {
    heard_.Cancel();
    return Say("silent");
  }
  Awaitable<Result> EmitInto(const Request& request) {
    rooms::CounterRequest data;
    data.set_username(id());
    const absl::StatusOr<int> notified = co_await Room(request.user()).Emit(request.text(), data);
    co_return notified.ok() ? Say(absl::StrCat(*notified)) : notified.status();
  }
  Awaitable<Result> EmitDefault(const Request& request) {
    const absl::StatusOr<int> notified = co_await DefaultRoom().Emit(request.text(), rooms::CounterRequest());
    co_return notified.ok() ? Say(absl::StrCat(*notified)) : notified.status();
  }
  Awaitable<Result> Who(const Request& request) {
    co_return co_await Room<HallRoom>(request.user()).Call<rooms::ChatMessage>("whoami", request);
  }
  Awaitable<Result> Secret(const Request& request) {
    co_return co_await Room<HallRoom>(request.user()).Call<rooms::ChatMessage>("secret", request);
  }
  Awaitable<Result> CountLeaves(const Request& request) {
    const absl::StatusOr<rooms::CounterState> hall = co_await Room<HallRoom>(request.user()).State();
    co_return hall.ok() ? Say(absl::StrCat(hall->count())) : hall.status();
  }
  Result Rooms(const Request& request) {
    const bool joined = Room(request.user()).joined();
    return Say(absl::StrCat(absl::StrJoin(rooms(), ","), joined ? " joined" : " out"));
  }

 private:
  static Result Say(std::string text) {
    rooms::ChatMessage result;
    result.set_text(std::move(text));
    return result;
  }
  static Result Say(const absl::Status& status) { return Say(std::string(status.ok() ? "OK" : status.message())); }
  void SetText(std::string text) {
    Mutate([&](rooms::ChatMessage& state) { state.set_text(std::move(text)); });
  }
  void Hear(const HeardEvent& event) {
    SetText(absl::StrCat(state().text(), "+", event.event, " by ", event.sender_user_id));
    Diary::Note("heard " + event.event);
  }
  static Awaitable<void> Sleep(std::chrono::milliseconds time) {
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, time);
    boost::system::error_code error;
    co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, error));
  }

  Subscription heard_;
};

// The same with little patience.
class HastyProbeComponent final : public ProbeComponent {
 public:
  static constexpr absl::string_view kName = "HastyProbe";
  static void Describe(ComponentType<HastyProbeComponent>& type) {
    type.options().hook_deadline = absl::Milliseconds(100);
    type.Action("wait", &HastyProbeComponent::WaitHastily).Action("set", &HastyProbeComponent::SetNow);
    type.ClientSets({"user"});
  }
  Awaitable<Result> WaitHastily(const Request& request) { return Wait(request); }
  Result SetNow(const Request& request) { return Set(request); }
};

inline absl::Status AddProbes(RoomRegistry& registry) {
  absl::Status status = registry.Add<HallRoom>();
  status.Update(registry.AddComponent<ProbeComponent>());
  status.Update(registry.AddComponent<HastyProbeComponent>());
  return status;
}

}  // namespace atrium
