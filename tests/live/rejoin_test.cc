// What one session asks of one room without waiting for answers takes effect in its order: the last word wins.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/matchers.h"
#include "tests/support/scripted_room.h"

namespace atrium::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kTyped[] = "scripted:a";

v1::ClientFrame LeaveOf(const std::string& room) {
  v1::ClientFrame frame;
  frame.mutable_leave()->set_room_id(room);
  return frame;
}

v1::ClientFrame EmitInto(const std::string& room) {
  v1::ClientFrame frame;
  frame.mutable_emit()->set_room_id(room);
  frame.mutable_emit()->set_event("hi");
  return frame;
}

class RejoinTest : public ::testing::Test {
 protected:
  explicit RejoinTest(int max_members = 0) : world_(Prepare(max_members)) {}

  Script& Prepare(int max_members) {
    script_.options.max_members = max_members;
    script_.options.hook_deadline = absl::Seconds(2);
    return script_;
  }
  // On either shard, one of them not the session's.
  static std::vector<std::string> Rooms() { return {"geral", "b", "c", "d", "e", "f"}; }
  bool IsIn(const std::string& room, const Client& client) {
    bool is = false;
    world_.With(room, [&](Room* found) { is = found != nullptr && found->roster().Find(client.id()) != nullptr; });
    return is;
  }
  // Alice's join that OnJoin decides on when its gate is opened.
  AnswerPtr WaitingJoin() {
    script_.plans["join"] = {.steps = {Do::kWait}};
    AnswerPtr answer = world_.Join(kTyped, alice_);
    EXPECT_FALSE(answer->there());
    return answer;
  }

  Script script_;
  ScriptedWorld world_;
  Client& alice_ = world_.Connect("alice");
  Client& bob_ = world_.Connect("bob");
};

TEST_F(RejoinTest, JoinLeaveAndJoinAtOnceEndInTheRoom) {
  for (const std::string& room : Rooms()) {
    ASSERT_THAT(bob_.Join(room), IsOk());
    bob_.Events();
    std::vector<AnswerPtr> answers = {alice_.BeginJoin(room)};
    for (int i = 0; i < 30; ++i) {
      answers.push_back(alice_.Begin(LeaveOf(room)));
      answers.push_back(alice_.BeginJoin(room));
    }
    answers.push_back(alice_.Begin(EmitInto(room)));
    world_.Run();
    for (const AnswerPtr& answer : answers) EXPECT_THAT(answer, IsOk());
    EXPECT_TRUE(IsIn(room, alice_));
    std::vector<std::string> seen = bob_.Events();
    EXPECT_EQ(seen.size(), 62u);
    EXPECT_EQ(seen.at(60), "+alice@62");
    EXPECT_EQ(seen.at(61), "hi@63");
    // She gets what follows.
    bob_.Emit(room, "after");
    EXPECT_THAT(alice_.Events(), ElementsAre("after@64"));
  }
}

TEST_F(RejoinTest, LeaveJoinAndLeaveAtOnceEndOutside) {
  for (const std::string& room : Rooms()) {
    ASSERT_THAT(alice_.Join(room), IsOk());
    const AnswerPtr first = alice_.Begin(LeaveOf(room)), join = alice_.BeginJoin(room),
                    last = alice_.Begin(LeaveOf(room)), none = alice_.Begin(LeaveOf(room));
    world_.Run();
    EXPECT_THAT(first, IsOk());
    EXPECT_THAT(join, IsOk());
    EXPECT_THAT(last, IsOk());
    EXPECT_THAT(none, StatusIs(absl::StatusCode::kNotFound));
    EXPECT_FALSE(IsIn(room, alice_));
    EXPECT_EQ(world_.Emit(room, "after")->notified(), 0);
  }
}

TEST_F(RejoinTest, AJoinOnTopOfAJoinIsToldTheSame) {
  for (const std::string& room : Rooms()) {
    const AnswerPtr first = alice_.BeginJoin(room, {.initial_state = R"({"a":1})"}), second = alice_.BeginJoin(room);
    world_.Run();
    ASSERT_THAT(first, IsOk());
    ASSERT_THAT(second, IsOk());
    EXPECT_EQ(first->State(), second->State());
    EXPECT_EQ(world_.Emit(room, "once")->notified(), 1);
    EXPECT_THAT(alice_.Events(), ElementsAre("once@2"));
  }
}

TEST_F(RejoinTest, TheEndOfTheSessionIsTheLastWord) {
  for (const std::string& room : Rooms()) {
    Client& guest = world_.Connect("guest");
    world_.Run();
    guest.BeginJoin(room);
    guest.Begin(LeaveOf(room));
    guest.BeginJoin(room);
    guest.BeginDisconnect();
    world_.Run();
    EXPECT_FALSE(IsIn(room, guest));
  }
}

TEST_F(RejoinTest, ALostConnectionIsNoWord) {
  for (const std::string& room : Rooms()) {
    Client& guest = world_.Connect("guest");
    world_.Run();
    guest.BeginJoin(room);
    guest.Begin(LeaveOf(room));
    guest.BeginJoin(room);
    guest.BeginLose();
    guest.BeginResume(1, {});
    world_.Run();
    EXPECT_TRUE(IsIn(room, guest));
    EXPECT_EQ(guest.Events().back(), "snapshot@3");
  }
}

TEST_F(RejoinTest, AJoinThatComesWhileOnJoinWaitsIsDecidedBehindIt) {
  const AnswerPtr first = WaitingJoin(), second = world_.Join(kTyped, alice_);
  EXPECT_FALSE(second->there());
  world_.Open("join");
  EXPECT_THAT(first, IsOk());
  EXPECT_THAT(second, IsOk());
  EXPECT_THAT(script_.log, ElementsAre("create", "join alice"));
}

TEST_F(RejoinTest, ARefusalIsOfOneJoinOnly) {
  script_.plans["join"] = {.steps = {Do::kWait}, .verdict = absl::PermissionDeniedError("not now")};
  const AnswerPtr first = world_.Join(kTyped, alice_), second = world_.Join(kTyped, alice_);
  script_.plans["join"] = {};
  world_.Open("join");
  EXPECT_THAT(first, StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(second, IsOk());
  EXPECT_TRUE(IsIn(kTyped, alice_));
}

TEST_F(RejoinTest, ALeaveEndsTheJoinsBeforeItAndNoLaterOne) {
  const AnswerPtr first = WaitingJoin(), second = world_.Join(kTyped, alice_);
  const AnswerPtr leave = alice_.Leave(kTyped);
  EXPECT_THAT(leave, IsOk());
  EXPECT_THAT(second, StatusIs(absl::StatusCode::kCancelled));
  const AnswerPtr third = world_.Join(kTyped, alice_);
  EXPECT_FALSE(first->there() || third->there());
  world_.Open("join");
  EXPECT_THAT(first, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_FALSE(third->there()) << "its own OnJoin decides";
  world_.Open("join");
  EXPECT_THAT(third, IsOk());
  EXPECT_THAT(script_.log,
              ElementsAre("create", "join alice", "leave alice of 1, ticket 2, for LEAVE_REASON_LEAVE", "join alice"));
  EXPECT_TRUE(IsIn(kTyped, alice_));
  EXPECT_EQ(world_.Emit(kTyped, "after")->notified(), 1);
}

TEST_F(RejoinTest, TheLastLeaveWinsAlthoughOnJoinWaits) {
  const AnswerPtr first = WaitingJoin();
  alice_.Leave(kTyped);
  const AnswerPtr second = world_.Join(kTyped, alice_);
  EXPECT_THAT(world_.Kick(kTyped, alice_), IsOk());
  world_.Open("join");
  EXPECT_THAT(first, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(second, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_FALSE(IsIn(kTyped, alice_));
}

TEST_F(RejoinTest, OneThatTookTooLongDoesNotHoldUpTheNext) {
  const AnswerPtr first = WaitingJoin(), second = world_.Join(kTyped, alice_);
  script_.plans["join"] = {};
  world_.Advance(absl::Seconds(2));
  EXPECT_THAT(first, StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(second, IsOk());
}

TEST_F(RejoinTest, AllJoinsEndWithTheSessionAndWithTheRoom) {
  const AnswerPtr first = WaitingJoin(), second = world_.Join(kTyped, alice_);
  const AnswerPtr third = world_.Join(kTyped, bob_), fourth = world_.Join(kTyped, bob_);
  alice_.Disconnect();
  EXPECT_TRUE(second->there());
  EXPECT_THAT(world_.Destroy(kTyped), IsOk());
  EXPECT_THAT(fourth, StatusIs(absl::StatusCode::kCancelled));
  const AnswerPtr anew = world_.Join(kTyped, bob_);
  script_.plans["join"] = {};
  world_.Open("join");
  for (const AnswerPtr& answer : {first, second, third, fourth}) EXPECT_FALSE(answer->status.ok());
  world_.Advance(absl::Minutes(1));
  EXPECT_THAT(anew, IsOk()) << "it is of the next room";
  EXPECT_TRUE(IsIn(kTyped, bob_));
  EXPECT_FALSE(IsIn(kTyped, alice_));
}

class FullRoomTest : public RejoinTest {
 protected:
  FullRoomTest() : RejoinTest(/*max_members=*/1) {}
};

TEST_F(FullRoomTest, AMemberHoldsOneSeatHoweverOftenItJoins) {
  const AnswerPtr first = WaitingJoin(), second = world_.Join(kTyped, alice_);
  EXPECT_THAT(world_.Join(kTyped, bob_), StatusIs(absl::StatusCode::kResourceExhausted));
  alice_.Leave(kTyped);
  world_.Open("join");
  script_.plans["join"] = {};
  EXPECT_THAT(world_.Join(kTyped, bob_), IsOk());
}

}  // namespace
}  // namespace atrium::testing
