#include "server/live/rooms/room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "server/live/rooms/room_errors.h"
#include "tests/support/matchers.h"
#include "tests/support/room_world.h"

namespace atrium::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RoomTest : public ::testing::Test {
 protected:
  RoomWorld world_;
  Client& alice_ = world_.Connect("alice");
  Client& bob_ = world_.Connect("bob");
};

TEST_F(RoomTest, EveryMemberSeesTheSameFramesFromItsPositionOn) {
  EXPECT_EQ(alice_.Join("r")->reply.join().position().offset(), 1u);
  EXPECT_EQ(bob_.Join("r")->reply.join().position().offset(), 2u);
  EXPECT_EQ(world_.Emit("r", "hi")->notified(), 2);
  ASSERT_THAT(alice_.SetState("r", R"({"a":1})"), IsOk());
  EXPECT_EQ(world_.Emit("r", "bye")->notified(), 2);
  EXPECT_THAT(alice_.Events(), ElementsAre("+bob@2", "hi@3", "patch@4", "bye@5"));
  EXPECT_THAT(bob_.Events(), ElementsAre("hi@3", "patch@4", "bye@5"));
}

TEST_F(RoomTest, TheFirstJoinersStateIsTheRoomsAndItsSnapshotIsWhole) {
  EXPECT_EQ(alice_.Join("r", {.initial_state = R"({"a":1})"})->State(), *ParseJson(R"({"a":1})"));
  ASSERT_THAT(alice_.SetState("r", R"({"b":{"c":2}})"), IsOk());
  const AnswerPtr second = bob_.Join("r", {.initial_state = R"({"z":1})"});
  EXPECT_EQ(second->State(), *ParseJson(R"({"a":1,"b":{"c":2}})"));
  EXPECT_EQ(second->reply.join().members_size(), 2);
  EXPECT_EQ(second->reply.join().room().member_count(), 2);
}

TEST_F(RoomTest, AddressesMembersBySenderExcludeAndTo) {
  Client& eve = world_.Connect("eve");
  for (Client* client : {&alice_, &bob_, &eve}) ASSERT_THAT(client->Join("r"), IsOk());
  for (Client* client : {&alice_, &bob_, &eve}) client->Events();
  const std::vector<std::string> bob_and_nobody = {bob_.id(), bob_.id(), "nobody"};
  EXPECT_EQ(alice_.Emit("r", "others")->notified(), 2);
  EXPECT_EQ(alice_.Emit("r", "all", "", {}, /*include_self=*/true)->notified(), 3);
  EXPECT_EQ(world_.Emit("r", "not-bob", {.exclude = bob_and_nobody})->notified(), 2);
  EXPECT_EQ(world_.Emit("r", "bob-only", {.to = bob_and_nobody})->notified(), 1);
  EXPECT_EQ(alice_.Emit("r", "to-self", "", {.to = {alice_.id(), eve.id()}})->notified(), 1);
  EXPECT_EQ(world_.Emit("r", "nobody", {.to = {"nobody"}})->notified(), 0);
  // Offsets jump for those who are not addressed.
  EXPECT_THAT(alice_.Events(), ElementsAre("all@5", "not-bob@6"));
  EXPECT_THAT(bob_.Events(), ElementsAre("others@4", "all@5", "bob-only@7"));
  EXPECT_THAT(eve.Events(), ElementsAre("others@4", "all@5", "not-bob@6", "to-self@8"));
}

TEST_F(RoomTest, NothingFollowsALeave) {
  ASSERT_THAT(alice_.Join("r"), IsOk());
  ASSERT_THAT(bob_.Join("r"), IsOk());
  alice_.Events();
  EXPECT_THAT(world_.Kick("r", bob_), IsOk());
  world_.Emit("r", "later");
  EXPECT_THAT(bob_.Events(), ElementsAre("left"));
  EXPECT_THAT(alice_.Events(), ElementsAre("-bob@3", "later@4"));
  EXPECT_THAT(bob_.Leave("r"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(RoomTest, GoesOnWithThoseWhoComeWhenEverybodyHadGone) {
  ASSERT_THAT(alice_.Join("r"), IsOk());
  ASSERT_THAT(alice_.Leave("r"), IsOk());
  EXPECT_EQ(world_.Emit("r", "unheard")->notified(), 0);
  ASSERT_THAT(bob_.Join("r"), IsOk());
  ASSERT_THAT(alice_.Join("r"), IsOk());
  EXPECT_EQ(world_.Emit("r", "hi")->notified(), 2);
  ASSERT_THAT(bob_.Leave("r"), IsOk());
  EXPECT_EQ(world_.Emit("r", "bye")->notified(), 1);
  EXPECT_THAT(alice_.Events(), ElementsAre("hi@6", "-bob@7", "bye@8"));
  EXPECT_THAT(bob_.Events(), ElementsAre("+alice@5", "hi@6"));
}

TEST_F(RoomTest, JoiningTwiceChangesNothing) {
  ASSERT_THAT(alice_.Join("r"), IsOk());
  EXPECT_EQ(alice_.Join("r")->reply.join().position().offset(), 1u);
  EXPECT_EQ(world_.Emit("r", "hi")->notified(), 1);
  EXPECT_THAT(alice_.Events(), ElementsAre("hi@2"));
}

TEST(RoomLimitTest, AStateOverItsLimitIsRefusedBeforeAnythingChanges) {
  RoomWorld world({}, {.rooms = {.max_state_bytes = 20}});
  Client& alice = world.Connect("alice");
  EXPECT_EQ(alice.Join("big", {.initial_state = R"({"a":"xxxxxxxxxxxxxxxxxxxx"})"})->status, StateTooLarge());
  ASSERT_THAT(alice.Join("r", {.initial_state = R"({"a":"xxxxxxxxxx"})"}), IsOk());
  EXPECT_EQ(alice.SetState("r", R"({"b":1})")->status, StateTooLarge());
  EXPECT_EQ(world.State("r"), R"({"a":"xxxxxxxxxx"})");
  EXPECT_THAT(alice.SetState("r", R"({"a":"x","b":1})"), IsOk());
  EXPECT_THAT(alice.Events(), ElementsAre("patch@2"));
}

TEST_F(RoomTest, AnUnchangedStateMakesNoFrame) {
  ASSERT_THAT(alice_.Join("r", {.initial_state = R"({"a":1})"}), IsOk());
  EXPECT_THAT(alice_.SetState("r", R"({"a":1,"b":null})"), IsOk());
  EXPECT_THAT(alice_.Events(), IsEmpty());
}

TEST_F(RoomTest, AnEmptyRoomIsKeptForAWhileWithItsState) {
  ASSERT_THAT(alice_.Join("r", {.initial_state = R"({"a":1})"}), IsOk());
  ASSERT_THAT(alice_.Leave("r"), IsOk());
  world_.Advance(absl::Minutes(4));
  ASSERT_THAT(alice_.Join("r"), IsOk());
  world_.Advance(absl::Hours(1));
  alice_.Disconnect();
  world_.Advance(absl::Minutes(5) - absl::Milliseconds(1));
  EXPECT_EQ(world_.State("r"), R"({"a":1})");
  world_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(world_.State("r"), "absent");
  EXPECT_EQ(world_.manager().room_count(), 0);
}

TEST_F(RoomTest, ARoomMadeAnewHasANewEpoch) {
  const std::string first = alice_.Join("r")->reply.join().position().epoch();
  ASSERT_THAT(alice_.Leave("r"), IsOk());
  world_.Advance(absl::Minutes(5));
  EXPECT_NE(alice_.Join("r")->reply.join().position().epoch(), first);
}

TEST_F(RoomTest, FoldsPresenceAbove32Members) {
  ASSERT_THAT(alice_.Join("r"), IsOk());
  for (int i = 1; i < 32; ++i) ASSERT_THAT(world_.Connect(absl::StrCat("m", i)).Join("r"), IsOk());
  EXPECT_EQ(alice_.Events().size(), 31u);

  Client& late = world_.Connect("late");
  EXPECT_EQ(late.Join("r")->reply.join().position().offset(), 32u);
  ASSERT_THAT(bob_.Join("r"), IsOk());
  ASSERT_THAT(bob_.Leave("r"), IsOk());
  EXPECT_THAT(alice_.Events(), IsEmpty());
  world_.Advance(absl::Milliseconds(100));
  EXPECT_THAT(alice_.Events(), ElementsAre("+late@33"));
  EXPECT_THAT(late.Events(), ElementsAre("+late@33"));
}

TEST_F(RoomTest, Above200MembersOnlyTheCountIsTold) {
  ASSERT_THAT(alice_.Join("r"), IsOk());
  for (int i = 1; i < 200; ++i) ASSERT_THAT(world_.Connect(absl::StrCat("m", i)).Join("r"), IsOk());
  world_.Advance(absl::Milliseconds(100));
  alice_.Events();
  EXPECT_EQ(bob_.Join("r")->reply.join().members_size(), 0);
  world_.Advance(absl::Milliseconds(100));
  const std::vector<v1::ServerFrame> frames = alice_.Frames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].member().count(), 201);
  EXPECT_EQ(frames[0].member().joined_size(), 0);
}

TEST_F(RoomTest, ListsRoomsInOrderOverAllShards) {
  for (const char* id : {"d", "a", "c", "b", "e"}) ASSERT_THAT(alice_.Join(id), IsOk());
  std::vector<std::string> ids;
  world_.manager().List("a", 3, {}, [&](const ListPage<v1::Room>& page) {
    for (const v1::Room& room : page.elements) ids.push_back(room.id());
  });
  world_.Run();
  EXPECT_THAT(ids, ElementsAre("b", "c", "d"));
}

TEST(MemberInfoTest, IsShownToAllAsTheServiceGaveIt) {
  RoomWorld world;
  Client& alice = world.Connect("alice");
  Client& bob = world.Connect("bob", "203.0.113.7");
  ASSERT_THAT(alice.Join("r"), IsOk());
  const AnswerPtr joined = world.Join("r", bob, {.info = R"({"name":"Bob"})"});
  ASSERT_THAT(joined, IsOk());
  const auto name = [](const v1::Member& member) { return member.info().fields().at("name").string_value(); };
  EXPECT_EQ(name(alice.Frames().back().member().joined(0)), "Bob");
  for (const v1::Member& member : joined->reply.join().members()) {
    EXPECT_EQ(member.has_info(), member.id() == bob.id());
  }
  EXPECT_EQ(joined->reply.DebugString().find("203.0.113"), std::string::npos);
  ASSERT_THAT(bob.Leave("r"), IsOk());
  EXPECT_EQ(name(alice.Frames().back().member().left(0).member()), "Bob");
}

}  // namespace
}  // namespace atrium::testing
