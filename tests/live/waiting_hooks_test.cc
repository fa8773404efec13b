// Rooms whose OnEventAsync and OnLeaveAsync wait.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "server/live/rooms/room_errors.h"
#include "tests/support/matchers.h"
#include "tests/support/scripted_room.h"

namespace atrium::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kRoom[] = "waiting:a";

v1::ClientFrame Typing(const std::string& text, const std::string& key = "") {
  v1::ClientFrame frame;
  v1::EmitRequest& emit = *frame.mutable_emit();
  emit.set_room_id(kRoom);
  emit.set_event("typing");
  emit.set_idempotency_key(key);
  (*emit.mutable_data()->mutable_struct_value()->mutable_fields())["text"].set_string_value(text);
  return frame;
}

std::vector<std::string> TextsOf(Client& client) {
  std::vector<std::string> texts;
  for (const v1::ServerFrame& frame : client.Frames()) {
    if (frame.event().event() != "typing") continue;
    texts.push_back(frame.event().data().struct_value().fields().at("text").string_value());
  }
  return texts;
}

class WaitingHooksTest : public ::testing::Test {
 protected:
  WaitingHooksTest() {
    EXPECT_THAT(alice_.Join(kRoom), IsOk());
    EXPECT_THAT(bob_.Join(kRoom), IsOk());
    alice_.Events();
    bob_.Events();
    script_.log.clear();
  }

  bool IsIn(const Client& client) {
    bool is = false;
    world_.With(kRoom, [&](Room* room) { is = room != nullptr && room->roster().Find(client.id()) != nullptr; });
    return is;
  }

  struct Impatient : Script {
    Impatient() { options.hook_deadline = absl::Seconds(2); }
  };
  Impatient script_;
  ScriptedWorld world_{script_};
  Client& alice_ = world_.Connect("alice");
  Client& bob_ = world_.Connect("bob");
};

// ---- Events

class WaitingEventTest : public WaitingHooksTest {
 protected:
  WaitingEventTest() { script_.plans["event async"].steps = {Do::kChange, Do::kWait, Do::kChange, Do::kEmit}; }
};

TEST_F(WaitingEventTest, AnEventIsDeliveredBehindTheHookThatLetsItPass) {
  const AnswerPtr emitted = alice_.Ask(Typing("one"));
  EXPECT_FALSE(emitted->there());
  EXPECT_THAT(bob_.Events(), ElementsAre("patch@5")) << "its first step";
  world_.Open("event async");
  ASSERT_THAT(emitted, IsOk());
  EXPECT_EQ(emitted->notified(), 1);
  EXPECT_EQ(emitted->reply.emit().position().offset(), 8u);
  EXPECT_THAT(bob_.Events(), ElementsAre("patch@6", "said@7", "typing@8"));
  EXPECT_THAT(script_.log, ElementsAre("typing by alice", R"(typing {"text":"one"} may pass)"));
}

TEST_F(WaitingEventTest, NotifiedCountsWhoIsThereWhenItIsDelivered) {
  const AnswerPtr emitted = alice_.Ask(Typing("one"));
  Client& carol = world_.Connect("carol");
  ASSERT_THAT(carol.Join(kRoom), IsOk());
  world_.Open("event async");
  EXPECT_EQ(emitted->notified(), 2);
}

TEST_F(WaitingEventTest, AVetoRefusesItAndUndoesTheLastStep) {
  script_.plans["event async"].verdict = absl::PermissionDeniedError("not now");
  const AnswerPtr emitted = alice_.Ask(Typing("one"));
  bob_.Events();
  world_.Open("event async");
  EXPECT_EQ(emitted->status.message(), "not now");
  EXPECT_THAT(bob_.Events(), IsEmpty());
}

TEST_F(WaitingEventTest, TheFormThatRunsAtOnceIsAskedFirst) {
  script_.plans["event"].verdict = absl::PermissionDeniedError("never");
  EXPECT_EQ(alice_.Ask(Typing("one"))->status.message(), "never");
  EXPECT_THAT(script_.log, ElementsAre("typing by alice"));
}

TEST_F(WaitingEventTest, ThoseOfOneMemberKeepTheirOrder) {
  const AnswerPtr first = alice_.Ask(Typing("one")), second = alice_.Ask(Typing("two")),
                  third = alice_.Ask(Typing("three"));
  const AnswerPtr other = bob_.Ask(Typing("bob's"));
  EXPECT_EQ(script_.gates["event async"].waiting(), 2u) << "alice's first, and bob's";
  script_.gates["event async"].OpenOne(1);
  world_.Run();
  EXPECT_THAT(other, IsOk());
  EXPECT_FALSE(first->there());
  world_.Open("event async");
  EXPECT_THAT(first, IsOk());
  EXPECT_FALSE(second->there());
  // Those behind one that is out of time go on.
  script_.plans.clear();
  world_.Advance(absl::Seconds(2));
  EXPECT_THAT(second, StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(third, IsOk());
  EXPECT_THAT(TextsOf(bob_), ElementsAre("one", "three"));
}

TEST_F(WaitingEventTest, ThoseOfServicesDoNotWaitForEachOther) {
  const AnswerPtr first = world_.Emit(kRoom, "news"), second = world_.Emit(kRoom, "more");
  script_.gates["event async"].OpenOne(1);
  world_.Run();
  EXPECT_FALSE(first->there());
  EXPECT_EQ(second->notified(), 2);
  world_.Open("event async");
  EXPECT_EQ(first->notified(), 2);
}

TEST_F(WaitingEventTest, AfterItsDeadlineItIsRefusedWhateverTheHookSays) {
  script_.plans["event async"].deaf = true;
  const AnswerPtr emitted = alice_.Ask(Typing("one"));
  world_.Advance(absl::Seconds(2));
  EXPECT_THAT(emitted, StatusIs(absl::StatusCode::kDeadlineExceeded));
  bob_.Events();
  world_.Open("event async");
  EXPECT_THAT(bob_.Events(), IsEmpty());
  EXPECT_EQ(emitted->times, 1);
}

TEST_F(WaitingEventTest, AHookThatThrowsRefusesIt) {
  script_.plans["event async"].steps = {Do::kWait, Do::kHalfChange, Do::kThrow};
  const AnswerPtr emitted = alice_.Ask(Typing("one"));
  world_.Open("event async");
  EXPECT_THAT(emitted, StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT(bob_.Events(), IsEmpty());
}

TEST_F(WaitingEventTest, AMemberThatLeavesTakesBackWhatIsNotDelivered) {
  const AnswerPtr first = alice_.Ask(Typing("one")), second = alice_.Ask(Typing("two"));
  EXPECT_THAT(alice_.Leave(kRoom), IsOk());
  EXPECT_EQ(second->status, LeftBeforeItsEvent());
  EXPECT_FALSE(first->there());
  // Her next ones are behind it, although she has come again.
  ASSERT_THAT(world_.Join(kRoom, alice_), IsOk());
  const AnswerPtr third = alice_.Ask(Typing("three"));
  world_.Open("event async");
  EXPECT_EQ(first->status, LeftBeforeItsEvent());
  world_.Open("event async");
  EXPECT_THAT(third, IsOk());
  EXPECT_THAT(TextsOf(bob_), ElementsAre("three"));
}

TEST_F(WaitingEventTest, ARoomThatIsDestroyedDeliversNothingMore) {
  const AnswerPtr of_alice = alice_.Ask(Typing("one")), of_a_service = world_.Emit(kRoom, "news");
  ASSERT_THAT(world_.Destroy(kRoom), IsOk());
  bob_.Events();
  const AnswerPtr joining = world_.Join(kRoom, bob_);
  EXPECT_FALSE(joining->there()) << "the next room waits for the hooks of this one";
  world_.Open("event async");
  world_.Advance(absl::ZeroDuration());
  EXPECT_THAT(of_alice, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(of_a_service, StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(joining, IsOk());
  EXPECT_THAT(bob_.Events(), ElementsAre("snapshot@2"));
}

TEST_F(WaitingEventTest, ARepeatedEventIsDecidedOnOnce) {
  const AnswerPtr first = alice_.Ask(Typing("one", "key")), again = alice_.Ask(Typing("one", "key"));
  EXPECT_EQ(script_.gates["event async"].waiting(), 1u);
  world_.Open("event async");
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(first->reply.emit().position().offset(), again->reply.emit().position().offset());
  EXPECT_THAT(TextsOf(bob_), ElementsAre("one"));
}

TEST_F(WaitingEventTest, SoManyWaitAtMost) {
  std::vector<AnswerPtr> answers;
  for (int i = 0; i < 66; ++i) answers.push_back(alice_.Ask(Typing(absl::StrCat(i))));
  EXPECT_EQ(answers.back()->status, TooManyEventsWait());
  script_.plans.clear();
  world_.Open("event async");
  for (int i = 0; i < 65; ++i) EXPECT_THAT(answers[i], IsOk());
  EXPECT_EQ(TextsOf(bob_).size(), 65u);
}

// ---- Leaves

class WaitingLeaveTest : public WaitingHooksTest {
 protected:
  WaitingLeaveTest() { script_.plans["leave async"].steps = {Do::kWait, Do::kChange}; }
};

TEST_F(WaitingLeaveTest, TheMemberIsOutForEverybodyWhileItWaits) {
  EXPECT_THAT(alice_.Leave(kRoom), IsOk());
  EXPECT_FALSE(IsIn(alice_));
  EXPECT_THAT(bob_.Events(), ElementsAre("patch@5", "-alice@6"));
  EXPECT_EQ(world_.Emit(kRoom, "after")->notified(), 1);
  EXPECT_THAT(alice_.Leave(kRoom), StatusIs(absl::StatusCode::kNotFound));
  world_.Open("leave async");
  EXPECT_THAT(bob_.Events(), ElementsAre("after@7", "patch@8"));
  EXPECT_THAT(script_.log, ElementsAre("leave alice of 2, ticket 2, for LEAVE_REASON_LEAVE", "after by a service",
                                       "after null may pass", "alice has left 1"));
}

TEST_F(WaitingLeaveTest, AJoinOfTheSameMemberWaitsForItsEnd) {
  ASSERT_THAT(alice_.Leave(kRoom), IsOk());
  const AnswerPtr first = world_.Join(kRoom, alice_), second = world_.Join(kRoom, alice_);
  EXPECT_FALSE(first->there() || second->there());
  EXPECT_THAT(world_.Kick(kRoom, alice_), IsOk()) << "it ends the joins before it";
  EXPECT_THAT(first, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(second, StatusIs(absl::StatusCode::kCancelled));
  const AnswerPtr third = world_.Join(kRoom, alice_);
  EXPECT_FALSE(third->there());
  world_.Open("leave async");
  EXPECT_THAT(third, IsOk());
  EXPECT_TRUE(IsIn(alice_));
  EXPECT_THAT(script_.log,
              ElementsAre("leave alice of 2, ticket 2, for LEAVE_REASON_LEAVE", "alice has left 1", "join alice"));
}

TEST_F(WaitingLeaveTest, AfterItsDeadlineItHoldsUpNobodyAndChangesNothing) {
  script_.plans["leave async"].deaf = true;
  ASSERT_THAT(alice_.Leave(kRoom), IsOk());
  const AnswerPtr joining = world_.Join(kRoom, alice_);
  world_.Advance(absl::Seconds(2));
  EXPECT_THAT(joining, IsOk());
  const std::string state = world_.State(kRoom);
  world_.Open("leave async");
  EXPECT_EQ(world_.State(kRoom), state);
}

TEST_F(WaitingLeaveTest, OneThatThrowsUndoesItsLastStep) {
  script_.plans["leave async"].steps = {Do::kWait, Do::kHalfChange, Do::kThrow};
  ASSERT_THAT(alice_.Leave(kRoom), IsOk());
  const AnswerPtr joining = world_.Join(kRoom, alice_);
  bob_.Events();
  world_.Open("leave async");
  EXPECT_THAT(joining, IsOk());
  EXPECT_THAT(bob_.Events(), ElementsAre("patch@7", "+alice@8")) << "of her join";
}

TEST_F(WaitingLeaveTest, ARoomThatIsDestroyedIsThereUntilItsEnd) {
  ASSERT_THAT(world_.Destroy(kRoom), IsOk());
  EXPECT_EQ(script_.gates["leave async"].waiting(), 2u);
  const AnswerPtr joining = world_.Join(kRoom, bob_);
  world_.Advance(absl::Seconds(1));
  EXPECT_FALSE(joining->there());
  world_.Open("leave async");
  world_.Advance(absl::ZeroDuration());
  EXPECT_THAT(joining, IsOk());
  EXPECT_THAT(script_.log, ::testing::Contains("create"));
}

TEST_F(WaitingLeaveTest, OneThatLeftBeforeItsJoinWasDecidedHasOneToo) {
  script_.plans["join"].steps = {Do::kWait};
  Client& carol = world_.Connect("carol");
  const AnswerPtr joining = world_.Join(kRoom, carol);
  ASSERT_THAT(world_.Kick(kRoom, carol), IsOk());
  const AnswerPtr again = world_.Join(kRoom, carol);
  script_.plans.erase("join");
  world_.Open("join");
  EXPECT_THAT(joining, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_FALSE(again->there());
  world_.Open("leave async");
  EXPECT_THAT(again, IsOk());
  EXPECT_THAT(script_.log, ElementsAre("join carol", "leave carol of 3, ticket 4, for LEAVE_REASON_LEAVE",
                                       "carol has left 2", "join carol"));
}

TEST_F(WaitingLeaveTest, TheEndOfTheServerLeavesNothingBehind) {
  alice_.Disconnect();
  bob_.Disconnect();
  EXPECT_EQ(script_.gates["leave async"].waiting(), 2u);
  // The world ends with both of them where they wait.
}

}  // namespace
}  // namespace atrium::testing
