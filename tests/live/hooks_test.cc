#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/live/rooms/room_errors.h"
#include "tests/support/matchers.h"
#include "tests/support/scripted_room.h"

namespace atrium::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kRoom[] = "scripted:a";
const Plan kWait = {.steps = {Do::kChange, Do::kWait, Do::kChange}};

class HooksTest : public ::testing::Test {
 protected:
  Script script_;
  ScriptedWorld world_{script_};
  Client& alice_ = world_.Connect("alice");
  Client& bob_ = world_.Connect("bob");
};

TEST_F(HooksTest, RunInTheirOrder) {
  ASSERT_THAT(alice_.Join(kRoom), IsOk());
  EXPECT_EQ(world_.Emit(kRoom, "news")->notified(), 1);
  ASSERT_THAT(alice_.Leave(kRoom), IsOk());
  world_.Advance(absl::Minutes(1));
  EXPECT_THAT(script_.log, ElementsAre("create", "join alice", "news by a service",
                                       "leave alice of 1, ticket 2, for LEAVE_REASON_LEAVE", "destroy"));
  EXPECT_EQ(world_.State(kRoom), "absent");
}

TEST_F(HooksTest, JoinsWaitForOnCreate) {
  script_.plans["create"] = kWait;
  const AnswerPtr first = alice_.Join(kRoom), second = bob_.Join(kRoom);
  EXPECT_FALSE(first->there() || second->there());
  EXPECT_THAT(script_.log, ElementsAre("create"));
  world_.Open("create");
  EXPECT_THAT(first, IsOk());
  EXPECT_THAT(second, IsOk());
  EXPECT_THAT(script_.log, ElementsAre("create", "join alice", "join bob"));
}

TEST_F(HooksTest, AllWhoWaitAreRefusedWhenOnCreateFails) {
  script_.plans["create"] = {.steps = {Do::kWait}, .verdict = absl::InternalError("planted")};
  const AnswerPtr first = alice_.Join(kRoom), second = bob_.Join(kRoom);
  world_.Open("create");
  EXPECT_EQ(first->status, RoomInitializationFailed());
  EXPECT_EQ(second->status, RoomInitializationFailed());
  EXPECT_EQ(world_.State(kRoom), "absent");
  script_.plans.clear();
  EXPECT_THAT(alice_.Join(kRoom), IsOk());
}

TEST_F(HooksTest, AStepEndsWhereTheHookWaits) {
  ASSERT_THAT(alice_.Join(kRoom), IsOk());
  alice_.Events();
  script_.plans["join"] = kWait;
  const AnswerPtr joining = bob_.Join(kRoom);
  // What the first step set is there while the second waits; nothing else of the room stands still.
  EXPECT_EQ(ParseJson(world_.State(kRoom))->at("left"), 1);
  EXPECT_EQ(world_.Emit(kRoom, "news")->notified(), 1);
  world_.Open("join");
  EXPECT_THAT(joining, IsOk());
  EXPECT_THAT(alice_.Events(), ElementsAre("patch@3", "news@4", "patch@5", "+bob@6"));
}

TEST_F(HooksTest, AHookPastItsDeadlineHasFailedAndChangesNothingMore) {
  ASSERT_THAT(alice_.Join(kRoom), IsOk());
  script_.plans["join"] = kWait;
  script_.plans["join"].deaf = true;
  const AnswerPtr joining = bob_.Join(kRoom);
  world_.Advance(absl::Seconds(5));
  EXPECT_THAT(joining, StatusIs(absl::StatusCode::kDeadlineExceeded));
  const std::string state = world_.State(kRoom);
  world_.Open("join");
  EXPECT_EQ(world_.State(kRoom), state);
  EXPECT_THAT(script_.log, ElementsAre("create", "join alice", "join bob"));
}

TEST_F(HooksTest, AMemberIsRemovedThoughOnLeaveThrows) {
  ASSERT_THAT(alice_.Join(kRoom), IsOk());
  script_.plans["leave"].steps = {Do::kThrow};
  EXPECT_THAT(alice_.Leave(kRoom), IsOk());
  EXPECT_THAT(alice_.Leave(kRoom), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(HooksTest, OnEventMayRefuse) {
  ASSERT_THAT(alice_.Join(kRoom), IsOk());
  alice_.Events();
  script_.plans["event"].verdict = absl::PermissionDeniedError("not now");
  EXPECT_EQ(world_.Emit(kRoom, "news")->status, absl::PermissionDeniedError("not now"));
  EXPECT_THAT(alice_.Events(), IsEmpty());
}

TEST_F(HooksTest, MembersEmitOnlyWhatTheTypeLetsIn) {
  ASSERT_THAT(alice_.Join(kRoom), IsOk());
  ASSERT_THAT(bob_.Join(kRoom), IsOk());
  EXPECT_EQ(alice_.Emit(kRoom, "said")->status, EventFromClientRefused("said"));
  EXPECT_EQ(alice_.Emit(kRoom, "news")->status, EventFromClientRefused("news"));
  EXPECT_EQ(ErrorField(alice_.Emit(kRoom, "typing", R"({"txt":1})")->status), "emit.data.txt");
  EXPECT_EQ(alice_.Emit(kRoom, "typing", R"({"text":"..."})")->notified(), 1);
  EXPECT_EQ(script_.log.back(), "typing by alice");
}

TEST_F(HooksTest, ARoomThatWantsToStayStaysForAnotherTime) {
  ASSERT_THAT(alice_.Join(kRoom), IsOk());
  ASSERT_THAT(alice_.Leave(kRoom), IsOk());
  script_.plans["destroy"].verdict = absl::FailedPreconditionError("stay");
  world_.Advance(absl::Minutes(1));
  EXPECT_NE(world_.State(kRoom), "absent");
  script_.plans.clear();
  world_.Advance(absl::Minutes(1));
  EXPECT_EQ(world_.State(kRoom), "absent");
}

TEST_F(HooksTest, WhoJoinsWhileARoomIsDestroyedGetsANewOne) {
  const std::string epoch = alice_.Join(kRoom)->reply.join().position().epoch();
  ASSERT_THAT(alice_.Leave(kRoom), IsOk());
  script_.plans["destroy"].steps = {Do::kWait};
  world_.Advance(absl::Minutes(1));
  const AnswerPtr joining = bob_.Join(kRoom);
  EXPECT_FALSE(joining->there());
  world_.Open("destroy");
  ASSERT_THAT(joining, IsOk());
  EXPECT_NE(joining->reply.join().position().epoch(), epoch);
  EXPECT_EQ(joining->reply.join().room().member_count(), 1);
}

TEST_F(HooksTest, DestroyingARoomTellsItsMembersAndAsksNobody) {
  ASSERT_THAT(alice_.Join(kRoom), IsOk());
  alice_.Events();
  script_.plans["destroy"].verdict = absl::FailedPreconditionError("stay");
  const AnswerPtr destroyed = world_.Destroy(kRoom);
  world_.Advance(absl::ZeroDuration());
  EXPECT_THAT(destroyed, IsOk());
  EXPECT_THAT(alice_.Events(), ElementsAre("patch@3", "left"));
  EXPECT_EQ(script_.log.back(), "leave alice of 1, ticket 2, for LEAVE_REASON_CLEANUP");
  EXPECT_EQ(world_.State(kRoom), "absent");
}

TEST_F(HooksTest, ALockedRoomTakesNobodyMore) {
  ASSERT_THAT(alice_.Join(kRoom), IsOk());
  ASSERT_THAT(world_.Lock(kRoom, true), IsOk());
  EXPECT_EQ(bob_.Join(kRoom)->status, RoomLocked());
  alice_.Events();
  EXPECT_THAT(alice_.Join(kRoom), IsOk());
  // It is in already: no other snapshot.
  EXPECT_THAT(alice_.Events(), IsEmpty());
}

TEST_F(HooksTest, AVolatileEventTakesNoOffset) {
  ASSERT_THAT(alice_.Join("r"), IsOk());
  EXPECT_EQ(world_.Emit("r", "blink", {.is_volatile = true})->notified(), 1);
  EXPECT_EQ(world_.Emit("r", "hi")->notified(), 1);
  EXPECT_THAT(alice_.Events(), ElementsAre("blink@0", "hi@2"));
}

}  // namespace
}  // namespace atrium::testing
