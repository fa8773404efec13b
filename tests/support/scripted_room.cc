#include "tests/support/scripted_room.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <stdexcept>
#include <utility>

#include "absl/strings/str_cat.h"

namespace atrium::testing {
namespace {

// The registry makes rooms without arguments.
Script* current = nullptr;

Plan PlanOf(const std::string& hook) {
  if (current->decide) return current->decide(hook);
  const auto it = current->plans.find(hook);
  return it == current->plans.end() ? Plan() : it->second;
}

}  // namespace

Script::Script() { current = this; }
Script::~Script() { current = nullptr; }

// Tells the witness of one run of a hook, however it ends.
class ScriptedRoom::Run {
 public:
  Run(int room, std::string hook, int ticket, const std::string& member)
      : room_(room), hook_(std::move(hook)), ticket_(ticket) {
    if (current->witness != nullptr) current->witness->Begins(room_, hook_, ticket_, member);
  }
  ~Run() {
    if (current->witness != nullptr) current->witness->Ends(room_, hook_, ticket_, yes);
  }

  bool yes = false;

 private:
  const int room_;
  const std::string hook_;
  const int ticket_;
};

template <typename T>
void ScriptedRoom::DescribeAs(RoomType<T>& type) {
  using Method = absl::StatusOr<ScriptedResult> (T::*)(const ScriptedRequest&, const CallContext&);
  const Method change = &ScriptedRoom::Change;
  type.options() = current->options;
  type.Method("change", change, Access::kMember)
      .Method("secret", change)
      .template FromMembers<ScriptedEvent>("typing")
      .template Event<ScriptedEvent>("said");
}

void ScriptedRoom::Describe(RoomType<ScriptedRoom>& type) { DescribeAs(type); }

void WaitingRoom::Describe(RoomType<WaitingRoom>& type) { DescribeAs(type); }

Awaitable<void> WaitingRoom::OnLeaveAsync(LeaveContext& leave) {
  const std::string member = leave.member.user_id;
  int ticket = 0;
  const absl::Status verdict = co_await Play("leave async", member, /*admits=*/false, ticket);
  current->log.push_back(absl::StrCat(member, " has left ", MemberCount()));
  if (!verdict.ok()) throw std::runtime_error("planted");
}

Awaitable<absl::Status> WaitingRoom::OnEventAsync(const EventContext& event) {
  // Not in the call: GCC 12 destroys what a condition gives there twice.
  const std::string sender = event.sender ? event.sender->user_id : "a service";
  int ticket = 0;
  absl::Status verdict = co_await Play("event async", sender, /*admits=*/false, ticket);
  current->log.push_back(absl::StrCat(event.event, " ", event.data.Json(), verdict.ok() ? " may pass" : " may not"));
  co_return verdict;
}

ScriptedRoom::ScriptedRoom() : number_(++current->rooms) {}

ScriptedRoom::~ScriptedRoom() {
  if (current->witness != nullptr) current->witness->Gone(number_);
}

Awaitable<absl::Status> ScriptedRoom::OnCreate() {
  current->log.push_back("create");
  int ticket = 0;
  co_return co_await Play("create", "", /*admits=*/false, ticket);
}

Awaitable<absl::Status> ScriptedRoom::OnLoad() {
  current->log.push_back("load");
  int ticket = 0;
  co_return co_await Play("load", "", /*admits=*/false, ticket);
}

Awaitable<absl::Status> ScriptedRoom::OnJoin(JoinContext& join) {
  current->log.push_back("join " + join.member.user_id);
  int ticket = 0;
  absl::Status verdict = co_await Play("join", join.member.user_id, /*admits=*/true, ticket);
  join.membership = ticket;
  co_return verdict;
}

Awaitable<bool> ScriptedRoom::OnDestroy() {
  current->log.push_back("destroy");
  int ticket = 0;
  const absl::Status verdict = co_await Play("destroy", "", /*admits=*/false, ticket);
  co_return verdict.ok();
}

Awaitable<absl::Status> ScriptedRoom::Play(std::string hook, std::string member, bool admits, int& ticket) {
  ticket = ++current->tickets;
  Run run(number_, hook, ticket, member);
  const Plan plan = PlanOf(hook);
  if (plan.deaf) co_await boost::asio::this_coro::throw_if_cancelled(false);
  bool late = false;
  for (const Do what : plan.steps) {
    if (what == Do::kWait) {
      co_await current->gates[hook].Wait(plan.deaf);
      const boost::asio::cancellation_state state = co_await boost::asio::this_coro::cancellation_state;
      late = state.cancelled() != boost::asio::cancellation_type::none;
    } else {
      Act(what, member, late);
    }
  }
  if (plan.verdict.ok() && admits) {
    Mutate([&](ScriptedState& state) { state.add_members(member); });
  }
  run.yes = plan.verdict.ok() && !late;
  co_return plan.verdict;
}

void ScriptedRoom::OnLeave(LeaveContext& leave) {
  const int* ticket = std::any_cast<int>(&leave.membership);
  current->log.push_back(absl::StrCat("leave ", leave.member.user_id, " of ", MemberCount(), ", ticket ",
                                      ticket == nullptr ? 0 : *ticket, ", for ", v1::LeaveReason_Name(leave.reason)));
  const Run run(number_, "leave", ticket == nullptr ? 0 : *ticket, leave.member.user_id);
  Mutate([&](ScriptedState& state) {
    auto& members = *state.mutable_members();
    const auto it = std::find(members.begin(), members.end(), leave.member.user_id);
    if (it != members.end()) members.erase(it);
  });
  for (const Do what : PlanOf("leave").steps) Act(what, leave.member.user_id, /*late=*/false);
}

absl::Status ScriptedRoom::OnEvent(const EventContext& event) {
  const std::string by = event.sender ? event.sender->user_id : "a service";
  current->log.push_back(absl::StrCat(event.event, " by ", by));
  return PlayNow("event", by);
}

absl::StatusOr<ScriptedResult> ScriptedRoom::Change(const ScriptedRequest& request, const CallContext& call) {
  const std::string by = call.member ? call.member->user_id : "a service";
  if (!request.fail().empty()) Act(Do::kHalfChange, by, /*late=*/false);
  Emit("said", ScriptedEvent());
  if (request.fail() == "error") return absl::FailedPreconditionError("planted");
  if (request.fail() == "throw") throw std::runtime_error("planted");
  if (absl::Status verdict = PlayNow("method", by); !verdict.ok()) return verdict;
  Act(Do::kChange, by, /*late=*/false);
  ScriptedResult result;
  result.set_changes(meta().changes());
  return result;
}

absl::Status ScriptedRoom::PlayNow(const std::string& hook, const std::string& member) {
  const Run run(number_, hook, ++current->tickets, member);
  const Plan plan = PlanOf(hook);
  for (const Do what : plan.steps) Act(what, member, /*late=*/false);
  return plan.verdict;
}

void ScriptedRoom::Act(Do what, const std::string& member, bool late) {
  switch (what) {
    case Do::kChange:
      ChangeHalf(member, late);
      Mutate([](ScriptedState& state) { state.set_right(state.right() + 1); });
      return;
    case Do::kEmit: return Emit("said", ScriptedEvent());
    case Do::kTimer:
      After(absl::Seconds(1), [this] {
        // A status is not what a timer has: it fails by throwing.
        if (!PlayNow("timer", "").ok()) throw std::runtime_error("planted");
      });
      return;
    case Do::kHalfChange: ChangeHalf(member, late); return Emit("undone", ScriptedEvent());
    case Do::kThrow: throw std::runtime_error("planted");
    case Do::kWait: return;
  }
}

void ScriptedRoom::ChangeHalf(const std::string& member, bool late) {
  if (meta().changes() != state().left()) Emit("undone", ScriptedEvent());
  Mutate([&](ScriptedState& state) {
    state.set_left(state.left() + 1);
    ++(*state.mutable_changes_by())[member];
    if (late) state.set_late(true);
  });
  MutateMeta([](ScriptedMeta& meta) { meta.set_changes(meta.changes() + 1); });
}

ScriptedWorld::~ScriptedWorld() {
  for (auto& [hook, gate] : script_.gates) gate.Clear();
}

RoomRegistry ScriptedWorld::Registry() {
  RoomRegistry registry;
  registry.Add<ScriptedRoom>().IgnoreError();
  registry.Add<WaitingRoom>().IgnoreError();
  return registry;
}

}  // namespace atrium::testing
