#include "server/live/room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/live/room_harness.h"

namespace atrium {
namespace {

using ::testing::ElementsAre;
using testing::FakeSession;
using ::testing::IsEmpty;
using testing::RoomHarness;

json::object Object(absl::string_view text) { return ParseJson(text)->get_object(); }

absl::Status SetState(RoomHarness& rooms, const std::string& room, absl::string_view merge) {
  absl::Status status;
  rooms.With(room, [&](Room* found) { status = found->SetState(Object(merge)); });
  return status;
}

TEST(RoomTest, EveryMemberSeesTheSameFramesFromItsPositionOn) {
  RoomHarness rooms;
  FakeSession& alice = rooms.Session("alice");
  FakeSession& bob = rooms.Session("bob");
  EXPECT_EQ(rooms.Join("r", alice)->response.position().offset(), 1u);
  EXPECT_EQ(rooms.Join("r", bob)->response.position().offset(), 2u);
  EXPECT_EQ(rooms.Emit("r", "hi"), 2);
  ASSERT_TRUE(SetState(rooms, "r", R"({"a":1})").ok());
  EXPECT_EQ(rooms.Emit("r", "bye"), 2);
  EXPECT_THAT(alice.Take(), ElementsAre("+bob@2", "hi@3", "patch@4", "bye@5"));
  EXPECT_THAT(bob.Take(), ElementsAre("hi@3", "patch@4", "bye@5"));
}

TEST(RoomTest, TheFirstJoinersStateIsTheRoomsAndItsSnapshotIsWhole) {
  RoomHarness rooms;
  FakeSession& alice = rooms.Session("alice");
  FakeSession& bob = rooms.Session("bob");
  EXPECT_EQ(rooms.Join("r", alice, Object(R"({"a":1})"))->state.Json(), R"({"a":1})");
  ASSERT_TRUE(SetState(rooms, "r", R"({"b":{"c":2}})").ok());
  const Admission second = *rooms.Join("r", bob, Object(R"({"z":1})"));
  EXPECT_EQ(second.state.Json(), R"({"a":1,"b":{"c":2}})");
  EXPECT_EQ(second.response.members_size(), 2);
  EXPECT_EQ(second.response.room().member_count(), 2);
}

TEST(RoomTest, AddressesMembersBySenderExcludeAndTo) {
  RoomHarness rooms;
  FakeSession& alice = rooms.Session("alice");
  FakeSession& bob = rooms.Session("bob");
  FakeSession& eve = rooms.Session("eve");
  for (FakeSession* session : {&alice, &bob, &eve}) ASSERT_TRUE(rooms.Join("r", *session).ok());
  for (FakeSession* session : {&alice, &bob, &eve}) session->Take();
  rooms.With("r", [&](Room* room) {
    EXPECT_EQ(*room->Emit({.event = "others", .sender = &alice.self}), 2);
    EXPECT_EQ(*room->Emit({.event = "all", .sender = &alice.self, .include_self = true}), 3);
    EXPECT_EQ(*room->Emit({.event = "not-bob", .options = {.exclude = {"bob", "bob", "nobody"}}}), 2);
    EXPECT_EQ(*room->Emit({.event = "bob-only", .options = {.to = {"bob", "bob", "nobody"}}}), 1);
    EXPECT_EQ(*room->Emit({.event = "to-self", .sender = &alice.self, .options = {.to = {"alice", "eve"}}}), 1);
    EXPECT_EQ(*room->Emit({.event = "nobody", .options = {.to = {"nobody"}}}), 0);
  });
  // Offsets jump for those who are not addressed.
  EXPECT_THAT(alice.Take(), ElementsAre("all@5", "not-bob@6"));
  EXPECT_THAT(bob.Take(), ElementsAre("others@4", "all@5", "bob-only@7"));
  EXPECT_THAT(eve.Take(), ElementsAre("others@4", "all@5", "not-bob@6", "to-self@8"));
}

TEST(RoomTest, NothingFollowsALeave) {
  RoomHarness rooms;
  FakeSession& alice = rooms.Session("alice");
  FakeSession& bob = rooms.Session("bob");
  ASSERT_TRUE(rooms.Join("r", alice).ok());
  ASSERT_TRUE(rooms.Join("r", bob).ok());
  alice.Take();
  EXPECT_TRUE(rooms.Leave("r", bob, v1::LEAVE_REASON_LEAVE, /*tell=*/true).ok());
  rooms.Emit("r", "later");
  EXPECT_THAT(bob.Take(), ElementsAre("left"));
  EXPECT_TRUE(bob.removed);
  EXPECT_THAT(alice.Take(), ElementsAre("-bob@3", "later@4"));
  EXPECT_EQ(rooms.Leave("r", bob, v1::LEAVE_REASON_LEAVE).code(), absl::StatusCode::kNotFound);
}

TEST(RoomTest, JoiningTwiceChangesNothing) {
  RoomHarness rooms;
  FakeSession& alice = rooms.Session("alice");
  ASSERT_TRUE(rooms.Join("r", alice).ok());
  const Admission again = *rooms.Join("r", alice);
  EXPECT_TRUE(again.again);
  EXPECT_EQ(again.response.position().offset(), 1u);
  EXPECT_EQ(rooms.Emit("r", "hi"), 1);
  EXPECT_THAT(alice.Take(), ElementsAre("hi@2"));
}

TEST(RoomTest, AStateOverItsLimitIsRefusedBeforeAnythingChanges) {
  RoomHarness rooms({}, {.max_state_bytes = 20});
  FakeSession& alice = rooms.Session("alice");
  EXPECT_EQ(rooms.Join("big", alice, Object(R"({"a":"xxxxxxxxxxxxxxxxxxxx"})")).status().message(),
            "Room state exceeds maximum size limit");
  ASSERT_TRUE(rooms.Join("r", alice, Object(R"({"a":"xxxxxxxxxx"})")).ok());
  EXPECT_EQ(SetState(rooms, "r", R"({"b":1})").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(rooms.State("r"), R"({"a":"xxxxxxxxxx"})");
  EXPECT_TRUE(SetState(rooms, "r", R"({"a":"x","b":1})").ok());
  EXPECT_THAT(alice.Take(), ElementsAre("patch@2"));
}

TEST(RoomTest, AnUnchangedStateMakesNoFrame) {
  RoomHarness rooms;
  FakeSession& alice = rooms.Session("alice");
  ASSERT_TRUE(rooms.Join("r", alice, Object(R"({"a":1})")).ok());
  EXPECT_TRUE(SetState(rooms, "r", R"({"a":1,"b":null})").ok());
  EXPECT_THAT(alice.Take(), IsEmpty());
}

TEST(RoomTest, AnEmptyRoomIsKeptForAWhileWithItsState) {
  RoomHarness rooms;
  FakeSession& alice = rooms.Session("alice");
  ASSERT_TRUE(rooms.Join("r", alice, Object(R"({"a":1})")).ok());
  ASSERT_TRUE(rooms.Leave("r", alice, v1::LEAVE_REASON_DISCONNECT).ok());
  rooms.shards().Advance(absl::Minutes(4));
  ASSERT_TRUE(rooms.Join("r", alice).ok());
  rooms.shards().Advance(absl::Hours(1));
  ASSERT_TRUE(rooms.Leave("r", alice, v1::LEAVE_REASON_DISCONNECT).ok());
  rooms.shards().Advance(absl::Minutes(5) - absl::Milliseconds(1));
  EXPECT_EQ(rooms.State("r"), R"({"a":1})");
  rooms.shards().Advance(absl::Milliseconds(1));
  EXPECT_EQ(rooms.State("r"), "absent");
  EXPECT_EQ(rooms.manager().room_count(), 0);
}

TEST(RoomTest, ARoomMadeAnewHasANewEpoch) {
  RoomHarness rooms;
  FakeSession& alice = rooms.Session("alice");
  const std::string first = rooms.Join("r", alice)->response.position().epoch();
  ASSERT_TRUE(rooms.Leave("r", alice, v1::LEAVE_REASON_LEAVE).ok());
  rooms.shards().Advance(absl::Minutes(5));
  EXPECT_NE(rooms.Join("r", alice)->response.position().epoch(), first);
}

TEST(RoomTest, FoldsPresenceAbove32Members) {
  RoomHarness rooms;
  FakeSession& first = rooms.Session("first");
  ASSERT_TRUE(rooms.Join("r", first).ok());
  for (int i = 1; i < 32; ++i) ASSERT_TRUE(rooms.Join("r", rooms.Session("m" + std::to_string(i))).ok());
  EXPECT_EQ(first.Take().size(), 31u);

  FakeSession& late = rooms.Session("late");
  FakeSession& brief = rooms.Session("brief");
  EXPECT_EQ(rooms.Join("r", late)->response.position().offset(), 32u);
  ASSERT_TRUE(rooms.Join("r", brief).ok());
  ASSERT_TRUE(rooms.Leave("r", brief, v1::LEAVE_REASON_LEAVE).ok());
  EXPECT_THAT(first.Take(), IsEmpty());
  rooms.shards().Advance(absl::Milliseconds(100));
  EXPECT_THAT(first.Take(), ElementsAre("+late@33"));
  EXPECT_THAT(late.Take(), ElementsAre("+late@33"));
}

TEST(RoomTest, Above200MembersOnlyTheCountIsTold) {
  RoomHarness rooms;
  FakeSession& first = rooms.Session("first");
  ASSERT_TRUE(rooms.Join("r", first).ok());
  for (int i = 1; i < 200; ++i) ASSERT_TRUE(rooms.Join("r", rooms.Session("m" + std::to_string(i))).ok());
  rooms.shards().Advance(absl::Milliseconds(100));
  first.Take();
  EXPECT_EQ(rooms.Join("r", rooms.Session("one too many"))->response.members_size(), 0);
  rooms.shards().Advance(absl::Milliseconds(100));
  ASSERT_EQ(first.frames.size(), 1u);
  EXPECT_EQ(first.frames[0].member().count(), 201);
  EXPECT_EQ(first.frames[0].member().joined_size(), 0);
}

TEST(RoomTest, ListsRoomsInOrderOverAllShards) {
  RoomHarness rooms;
  FakeSession& alice = rooms.Session("alice");
  for (const char* id : {"d", "a", "c", "b", "e"}) ASSERT_TRUE(rooms.Join(id, alice).ok());
  std::vector<std::string> ids;
  rooms.manager().List(
      "a", 3, [](const Room&) { return true; },
      [&](std::vector<v1::Room> page) {
        for (const v1::Room& room : page) ids.push_back(room.id());
      });
  rooms.shards().Run();
  EXPECT_THAT(ids, ElementsAre("b", "c", "d"));
}

TEST(MemberInfoTest, IsShownToAllAsTheServiceGaveIt) {
  RoomHarness rooms;
  FakeSession& alice = rooms.Session("alice");
  FakeSession& bob = rooms.Session("bob");
  ASSERT_TRUE(rooms.Join("r", alice).ok());
  absl::StatusOr<Admission> joined = absl::UnknownError("pending");
  rooms.With("r", [&](Room* room) {
    MemberIdentity who = bob.self;
    who.info = {{"name", "Bob"}};
    who.address = "203.0.113.7";
    room->Join(std::move(who), {}, absl::nullopt,
               [&](absl::StatusOr<Admission> admission) { joined = std::move(admission); });
  });
  const v1::MemberChange& change = alice.frames.back().member();
  EXPECT_EQ(change.joined(0).info().fields().at("name").string_value(), "Bob");
  for (const v1::Member& member : joined->response.members()) EXPECT_EQ(member.has_info(), member.id() == "bob");
  EXPECT_EQ(joined->response.DebugString().find("203.0.113"), std::string::npos);
  ASSERT_TRUE(rooms.Leave("r", bob, v1::LEAVE_REASON_LEAVE).ok());
  EXPECT_EQ(alice.frames.back().member().left(0).member().info().fields().at("name").string_value(), "Bob");
}

}  // namespace
}  // namespace atrium
