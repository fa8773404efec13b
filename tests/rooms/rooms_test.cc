// The rooms that ship, but for the chat (live/typed_room_test.cc).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooms/counter_room.h"
#include "rooms/directory.pb.h"
#include "rooms/ping_room.h"
#include "rooms/room_catalog.h"
#include "tests/live/room_harness.h"

namespace atrium {
namespace {

using ::testing::ElementsAre;
using testing::FakeSession;
using ::testing::HasSubstr;
using testing::RoomHarness;

RoomRegistry Registry() {
  RoomRegistry registry;
  EXPECT_TRUE(RegisterRooms(registry).ok());
  return registry;
}

TEST(RoomsTest, TheCatalogueHoldsEveryRoomOfTheFolder) {
  std::vector<std::string> names;
  const RoomRegistry registry = Registry();
  for (const auto& type : registry.types()) names.push_back(type->name);
  EXPECT_THAT(names, ElementsAre("chat", "counter", "directory", "ping"));
}

TEST(CounterRoomTest, CountsForItsMembersUnderTheirOwnNames) {
  RoomHarness rooms(Registry());
  FakeSession& alice = rooms.Session("alice");
  ASSERT_TRUE(rooms.Join("counter:global", alice).ok());
  const json::value forged = {{"username", "forged"}};
  EXPECT_EQ(rooms.Call("counter:global", "increment", forged, &alice)->result.Json(),
            R"({"count":1,"updatedBy":"user-alice"})");
  EXPECT_EQ(rooms.Call("counter:global", "decrement", {{"username", "ci"}})->result.Json(),
            R"({"count":0,"updatedBy":"ci"})");
  ASSERT_TRUE(rooms.Call("counter:global", "decrement", json::object(), &alice).ok());
  EXPECT_EQ(rooms.State("counter:global"), R"({"count":-1,"lastUpdatedBy":"user-alice","onlineCount":1})");
  EXPECT_EQ(rooms.Call("counter:global", "reset", json::object(), &alice)->result.Json(),
            R"({"count":0,"updatedBy":"user-alice"})");
  EXPECT_EQ(alice.frames.back().event().event(), "counter:updated");
}

TEST(CounterRoomTest, TellsWhoIsThere) {
  RoomHarness rooms(Registry());
  FakeSession& alice = rooms.Session("alice");
  FakeSession& bob = rooms.Session("bob");
  ASSERT_TRUE(rooms.Join("counter:global", alice).ok());
  alice.Take();
  EXPECT_THAT(rooms.Join("counter:global", bob)->state.Json(), HasSubstr(R"("onlineCount":2)"));
  EXPECT_THAT(alice.Take(), ElementsAre("patch@4", "presence:changed@5", "+bob@6"));
  ASSERT_TRUE(rooms.Leave("counter:global", bob, v1::LEAVE_REASON_DISCONNECT).ok());
  EXPECT_THAT(rooms.State("counter:global"), HasSubstr(R"("onlineCount":1)"));
}

TEST(PingRoomTest, AnswersEachPingWithAPongToAll) {
  RoomHarness rooms(Registry());
  FakeSession& alice = rooms.Session("alice");
  FakeSession& bob = rooms.Session("bob");
  ASSERT_TRUE(rooms.Join("ping:global", alice).ok());
  ASSERT_TRUE(rooms.Join("ping:global", bob).ok());
  alice.Take();
  bob.Take();
  EXPECT_EQ(rooms.Call("ping:global", "ping", {{"seq", 7}}, &alice)->result.Json(), R"({"total":1})");
  for (FakeSession* session : {&alice, &bob}) {
    ASSERT_EQ(session->frames.size(), 2u);
    const v1::RoomEvent& pong = session->frames.back().event();
    EXPECT_EQ(pong.offset(), 0u);
    const std::string data = Payload::FromValue(pong.data())->Json();
    EXPECT_THAT(data, HasSubstr(R"("from":"user-alice")"));
    EXPECT_THAT(data, HasSubstr(R"("seq":7)"));
  }
  EXPECT_THAT(rooms.State("ping:global"), HasSubstr(R"("totalPings":1)"));
}

class DirectoryRoomTest : public ::testing::Test {
 protected:
  void Create(const std::string& room, const json::object& payload = {}) {
    ASSERT_TRUE(rooms_.Join(room, rooms_.Session("in " + room), {}, Payload::FromJson(payload)).ok());
  }
  // The events that came since the last call, after a fold: `room:added chat:den "The den" private by ana`.
  std::vector<std::string> Events() {
    rooms_.shards().Advance(absl::Milliseconds(100));
    std::vector<std::string> events;
    for (const v1::ServerFrame& frame : std::exchange(alice_.frames, {})) {
      if (!frame.has_event()) continue;
      rooms::DirectoryEntry entry;
      EXPECT_TRUE(MessageFromJson(*FromProtoValue(frame.event().data()), entry).ok());
      std::string& event = events.emplace_back(frame.event().event() + " " + entry.id());
      if (!entry.name().empty()) event += " \"" + entry.name() + "\"";
      if (entry.is_private()) event += " private";
      if (!entry.created_by().empty()) event += " by " + entry.created_by();
    }
    return events;
  }

  RoomHarness rooms_{Registry()};
  FakeSession& alice_ = rooms_.Session("alice");
};

TEST_F(DirectoryRoomTest, ShowsWhoeverJoinsAllThereIs) {
  Create("chat:lobby");
  Create("chat:den", {{"create", true}, {"name", "The den"}, {"password", "s3cret"}});
  Create("untyped");
  EXPECT_EQ(
      rooms_.Join("directory:main", alice_)->state.Json(),
      R"({"rooms":{"chat:den":{"id":"chat:den","name":"The den","isPrivate":true,"createdBy":"user-in chat:den"},)"
      R"("chat:lobby":{"id":"chat:lobby","name":"lobby","isPrivate":false,"createdBy":""}},"notShown":0})");
}

TEST_F(DirectoryRoomTest, TellsWhatComesChangesAndGoes) {
  ASSERT_TRUE(rooms_.Join("directory:main", alice_).ok());
  EXPECT_THAT(Events(), ::testing::IsEmpty());
  Create("chat:lobby");
  EXPECT_THAT(Events(), ElementsAre(R"(room:added chat:lobby "lobby")"));
  ASSERT_TRUE(rooms_.Call("chat:lobby", "setPassword", {{"password", "x"}}).ok());
  EXPECT_THAT(Events(), ElementsAre(R"(room:changed chat:lobby "lobby" private)"));
  Create("chat:den", {{"create", true}, {"name", "The den"}});
  EXPECT_THAT(Events(), ElementsAre(R"(room:added chat:den "The den" by user-in chat:den)"));
  // What the directory does not show.
  rooms_.With("chat:lobby", [](Room* room) { room->Update({.metadata = json::object{{"topic", "cats"}}}); });
  EXPECT_THAT(Events(), ::testing::IsEmpty());
  rooms_.manager().Destroy("chat:lobby", [](const absl::Status&) {});
  EXPECT_THAT(Events(), ElementsAre("room:removed chat:lobby"));
  EXPECT_THAT(rooms_.State("directory:main"), ::testing::Not(HasSubstr("chat:lobby")));
}

TEST_F(DirectoryRoomTest, APasswordGoesWithItsRoomAndTheRoomFromTheDirectory) {
  ASSERT_TRUE(rooms_.Join("directory:main", alice_).ok());
  FakeSession& bob = rooms_.Session("bob");
  const Payload create = Payload::FromText(R"({"create":true,"password":"s3cret"})");
  ASSERT_TRUE(rooms_.Join("chat:den", bob, {}, create).ok());
  ASSERT_TRUE(rooms_.Leave("chat:den", bob, v1::LEAVE_REASON_LEAVE).ok());
  rooms_.shards().Advance(absl::Minutes(5) - absl::Seconds(1));
  EXPECT_THAT(rooms_.State("directory:main"), HasSubstr(R"("isPrivate":true)"));
  alice_.frames.clear();
  rooms_.shards().Advance(absl::Seconds(1));
  EXPECT_THAT(Events(), ElementsAre("room:removed chat:den"));
  Create("chat:den");
  EXPECT_THAT(Events(), ElementsAre(R"(room:added chat:den "den")"));
}

TEST_F(DirectoryRoomTest, ShowsAThousandAndCountsTheRest) {
  for (int i = 0; i < 1002; ++i) Create("ping:" + std::to_string(i));
  const std::string state = rooms_.Join("directory:main", alice_)->state.Json();
  EXPECT_THAT(state, HasSubstr(R"("notShown":2)"));
  EXPECT_EQ(ParseJson(state)->at("rooms").as_object().size(), 1000u);
  alice_.frames.clear();
  const std::string shown(ParseJson(state)->at("rooms").as_object().begin()->key());
  rooms_.manager().Destroy(shown, [](const absl::Status&) {});
  const std::vector<std::string> events = Events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0], "room:removed " + shown);
  EXPECT_THAT(events[1], HasSubstr("room:added"));
  EXPECT_THAT(rooms_.State("directory:main"), HasSubstr(R"("notShown":1)"));
}

}  // namespace
}  // namespace atrium
