#include "tests/support/probe.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace atrium {

void HallRoom::Describe(RoomType<HallRoom>& type) {
  type.Method("whoami", &HallRoom::WhoAmI, Access::kMember)
      .Method("secret", &HallRoom::WhoAmI)
      .FromMembers<rooms::CounterRequest>("wave");
}

Awaitable<absl::Status> HallRoom::OnJoin(JoinContext& join) {
  if (join.payload.Json().find("evil") != std::string::npos) co_return absl::PermissionDeniedError("No evil here");
  while (closed) {
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, std::chrono::milliseconds(1));
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
  Diary::Note("join " + join.member.id);
  co_return absl::OkStatus();
}

void HallRoom::OnLeave(LeaveContext& leave) {
  Diary::Note(absl::StrCat("leave ", leave.member.id, " ", v1::LeaveReason_Name(leave.reason)));
  Mutate([](rooms::CounterState& state) { state.set_count(state.count() + 1); });
}

absl::StatusOr<rooms::ChatMessage> HallRoom::WhoAmI(const rooms::AddMessageRequest&, const CallContext& call) {
  rooms::ChatMessage answer;
  answer.set_id(call.member ? call.member->id : "");
  answer.set_user(call.member ? call.member->user_id : "a service");
  return answer;
}

void ProbeComponent::Describe(ComponentType<ProbeComponent>& type) {
  type.ClientSets({"user"})
      .Action("set", &ProbeComponent::Set)
      .Action("setThenFail", &ProbeComponent::SetThenFail)
      .Action("setWaitFail", &ProbeComponent::SetWaitFail)
      .Action("throw", &ProbeComponent::Throw)
      .Action("grow", &ProbeComponent::Grow)
      .Action("bytes", &ProbeComponent::Bytes)
      .Action("wait", &ProbeComponent::Wait)
      .Action("join", &ProbeComponent::Join)
      .Action("leave", &ProbeComponent::Leave)
      .Action("listen", &ProbeComponent::Listen)
      .Action("joinAndListen", &ProbeComponent::JoinAndListen)
      .Action("silence", &ProbeComponent::Silence)
      .Action("emit", &ProbeComponent::EmitInto)
      .Action("emitDefault", &ProbeComponent::EmitDefault)
      .Action("who", &ProbeComponent::Who)
      .Action("secret", &ProbeComponent::Secret)
      .Action("count", &ProbeComponent::CountLeaves)
      .Action("rooms", &ProbeComponent::Rooms);
}

Awaitable<absl::Status> ProbeComponent::OnMount() {
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

void ProbeComponent::OnUnmount(v1::LeaveReason reason) {
  Diary::Note(absl::StrCat("unmount ", id(), " ", v1::LeaveReason_Name(reason)));
}

void ProbeComponent::OnRemoved(const std::string& room_id, v1::LeaveReason reason) {
  SetText(absl::StrCat("removed from ", room_id, " ", v1::LeaveReason_Name(reason)));
}

ProbeComponent::Result ProbeComponent::Set(const Request& request) {
  SetText(request.text());
  return Say("set");
}

ProbeComponent::Result ProbeComponent::SetThenFail(const Request& request) {
  SetText(request.text());
  return absl::FailedPreconditionError("planted");
}

Awaitable<ProbeComponent::Result> ProbeComponent::SetWaitFail(const Request& request) {
  SetText(request.text());
  co_await Sleep(std::chrono::milliseconds(1));
  SetText("never seen");
  co_return absl::FailedPreconditionError("planted");
}

ProbeComponent::Result ProbeComponent::Throw(const Request&) {
  SetText("never seen");
  throw std::runtime_error("planted");
}

ProbeComponent::Result ProbeComponent::Grow(const Request&) {
  SetText(std::string(2000, 'x'));
  return Say("grown");
}

ProbeComponent::Result ProbeComponent::Bytes(const Request& request) {
  SetText("bytes follow");
  SendBinary(request.text());
  SendBinary("volatile", /*is_volatile=*/true);
  return Say("sent");
}

Awaitable<ProbeComponent::Result> ProbeComponent::Wait(const Request& request) {
  co_await Sleep(std::chrono::seconds(60));
  SetText(request.text());
  co_return Say("waited");
}

Awaitable<ProbeComponent::Result> ProbeComponent::Join(const Request& request) {
  rooms::CounterRequest payload;
  payload.set_username(request.text());
  co_return Say(co_await Room(request.user()).Join(payload));
}

Awaitable<ProbeComponent::Result> ProbeComponent::Leave(const Request& request) {
  co_return Say(co_await Room(request.user()).Leave());
}

ProbeComponent::Result ProbeComponent::Listen(const Request& request) {
  heard_ = Room(request.user()).On(request.text(), [this](const HeardEvent& event) { Hear(event); });
  return Say("listening");
}

Awaitable<ProbeComponent::Result> ProbeComponent::JoinAndListen(const Request& request) {
  RoomHandle room = Room(request.user());
  if (absl::Status joined = co_await room.Join(); !joined.ok()) co_return joined;
  room.On<rooms::CounterRequest>(request.text(), [this](const rooms::CounterRequest& data) {
    SetText(absl::StrCat(state().text(), "+", data.username()));
  });
  co_return Say("listening");
}

ProbeComponent::Result ProbeComponent::Silence(const Request&) {
  heard_.Cancel();
  return Say("silent");
}

Awaitable<ProbeComponent::Result> ProbeComponent::EmitInto(const Request& request) {
  rooms::CounterRequest data;
  data.set_username(id());
  const absl::StatusOr<int> notified = co_await Room(request.user()).Emit(request.text(), data);
  co_return notified.ok() ? Say(absl::StrCat(*notified)) : notified.status();
}

Awaitable<ProbeComponent::Result> ProbeComponent::EmitDefault(const Request& request) {
  const absl::StatusOr<int> notified = co_await DefaultRoom().Emit(request.text(), rooms::CounterRequest());
  co_return notified.ok() ? Say(absl::StrCat(*notified)) : notified.status();
}

Awaitable<ProbeComponent::Result> ProbeComponent::Who(const Request& request) {
  co_return co_await Room<HallRoom>(request.user()).Call<rooms::ChatMessage>("whoami", request);
}

Awaitable<ProbeComponent::Result> ProbeComponent::Secret(const Request& request) {
  co_return co_await Room<HallRoom>(request.user()).Call<rooms::ChatMessage>("secret", request);
}

Awaitable<ProbeComponent::Result> ProbeComponent::CountLeaves(const Request& request) {
  const absl::StatusOr<rooms::CounterState> hall = co_await Room<HallRoom>(request.user()).State();
  co_return hall.ok() ? Say(absl::StrCat(hall->count())) : hall.status();
}

ProbeComponent::Result ProbeComponent::Rooms(const Request& request) {
  const bool joined = Room(request.user()).joined();
  return Say(absl::StrCat(absl::StrJoin(rooms(), ","), joined ? " joined" : " out"));
}

ProbeComponent::Result ProbeComponent::Say(std::string text) {
  rooms::ChatMessage result;
  result.set_text(std::move(text));
  return result;
}

ProbeComponent::Result ProbeComponent::Say(const absl::Status& status) {
  return Say(std::string(status.ok() ? "OK" : status.message()));
}

void ProbeComponent::SetText(std::string text) {
  Mutate([&](rooms::ChatMessage& state) { state.set_text(std::move(text)); });
}

void ProbeComponent::Hear(const HeardEvent& event) {
  SetText(absl::StrCat(state().text(), "+", event.event, " by ", event.sender_user_id));
  Diary::Note("heard " + event.event);
}

Awaitable<void> ProbeComponent::Sleep(std::chrono::milliseconds time) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, time);
  boost::system::error_code error;
  co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, error));
}

void HastyProbeComponent::Describe(ComponentType<HastyProbeComponent>& type) {
  type.options().hook_deadline = absl::Milliseconds(100);
  type.Action("wait", &HastyProbeComponent::WaitHastily).Action("set", &HastyProbeComponent::SetNow);
  type.ClientSets({"user"});
}

absl::Status AddProbes(RoomRegistry& registry) {
  absl::Status status = registry.Add<HallRoom>();
  status.Update(registry.AddComponent<ProbeComponent>());
  status.Update(registry.AddComponent<HastyProbeComponent>());
  return status;
}

}  // namespace atrium
