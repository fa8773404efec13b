// The rooms that ship, but for the chat (chat_room_test.cc).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooms/counter_room.h"
#include "rooms/directory.pb.h"
#include "rooms/ping_room.h"
#include "rooms/room_catalog.h"
#include "server/live/authoring/room_password.h"
#include "tests/support/matchers.h"
#include "tests/support/room_world.h"

namespace atrium::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

RoomRegistry Registry() {
  RoomRegistry registry;
  EXPECT_THAT(RegisterRooms(registry), IsOk());
  EXPECT_THAT(StartPasswordHashing(), IsOk());
  return registry;
}

TEST(RoomsTest, TheCatalogueHoldsEveryRoomOfTheFolder) {
  std::vector<std::string> names;
  const RoomRegistry registry = Registry();
  for (const auto& type : registry.types()) names.push_back(type->name);
  EXPECT_THAT(names, ElementsAre("chat", "counter", "directory", "ping"));
}

constexpr char kCounter[] = "counter:global";
constexpr char kPing[] = "ping:global";

TEST(CounterRoomTest, CountsForItsMembersUnderTheirOwnNames) {
  RoomWorld world(Registry());
  Client& alice = world.Connect("alice");
  ASSERT_THAT(alice.Join(kCounter), IsOk());
  EXPECT_EQ(alice.Call(kCounter, "increment", R"({"username":"forged"})")->Result(),
            (json::value{{"count", 1}, {"updatedBy", "alice"}}));
  EXPECT_EQ(world.Call(kCounter, "decrement", R"({"username":"ci"})")->Result(),
            (json::value{{"count", 0}, {"updatedBy", "ci"}}));
  ASSERT_THAT(alice.Call(kCounter, "decrement"), IsOk());
  EXPECT_EQ(world.State(kCounter), R"({"count":-1,"lastUpdatedBy":"alice","onlineCount":1})");
  EXPECT_EQ(alice.Call(kCounter, "reset")->Result(), (json::value{{"count", 0}, {"updatedBy", "alice"}}));
  EXPECT_EQ(alice.Frames().back().event().event(), "counter:updated");
}

TEST(CounterRoomTest, TellsWhoIsThere) {
  RoomWorld world(Registry());
  Client& alice = world.Connect("alice");
  Client& bob = world.Connect("bob");
  ASSERT_THAT(alice.Join(kCounter), IsOk());
  alice.Events();
  EXPECT_EQ(bob.Join(kCounter)->State().at("onlineCount"), 2);
  EXPECT_THAT(alice.Events(), ElementsAre("patch@4", "presence:changed@5", "+bob@6"));
  bob.Disconnect();
  EXPECT_THAT(world.State(kCounter), HasSubstr(R"("onlineCount":1)"));
}

TEST(PingRoomTest, AnswersEachPingWithAPongToAll) {
  RoomWorld world(Registry());
  Client& alice = world.Connect("alice");
  Client& bob = world.Connect("bob");
  ASSERT_THAT(alice.Join(kPing), IsOk());
  ASSERT_THAT(bob.Join(kPing), IsOk());
  alice.Events();
  bob.Events();
  EXPECT_EQ(alice.Call(kPing, "ping", R"({"seq":7})")->Result(), (json::value{{"total", 1}}));
  for (Client* client : {&alice, &bob}) {
    const std::vector<v1::ServerFrame> frames = client->Frames();
    ASSERT_EQ(frames.size(), 2u);
    const v1::RoomEvent& pong = frames.back().event();
    EXPECT_EQ(pong.offset(), 0u);
    const json::value data = *FromProtoValue(pong.data());
    EXPECT_EQ(data.at("from"), "alice");
    EXPECT_EQ(data.at("seq"), 7);
  }
  EXPECT_THAT(world.State(kPing), HasSubstr(R"("totalPings":1)"));
}

constexpr char kDirectory[] = "directory:main";

class DirectoryRoomTest : public ::testing::Test {
 protected:
  void Create(const std::string& room, const json::object& payload = {}) {
    ASSERT_THAT(world_.Connect("in " + room).Join(room, {.payload = ToJson(payload)}), IsOk());
  }
  // The events that came since the last call, after a fold: `room:added chat:den "The den" private by ana`.
  std::vector<std::string> Events() {
    world_.Advance(absl::Milliseconds(100));
    std::vector<std::string> events;
    for (const v1::ServerFrame& frame : alice_.Frames()) {
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

  RoomWorld world_{Registry()};
  Client& alice_ = world_.Connect("alice");
};

TEST_F(DirectoryRoomTest, ShowsWhoeverJoinsAllThereIs) {
  Create("chat:lobby");
  Create("chat:den", {{"create", true}, {"name", "The den"}, {"password", "s3cret"}});
  Create("untyped");
  EXPECT_EQ(alice_.Join(kDirectory)->State(),
            *ParseJson(
                R"({"rooms":{"chat:den":{"id":"chat:den","name":"The den","isPrivate":true,"createdBy":"in chat:den"},)"
                R"("chat:lobby":{"id":"chat:lobby","name":"lobby","isPrivate":false,"createdBy":""}},"notShown":0})"));
}

TEST_F(DirectoryRoomTest, TellsWhatComesChangesAndGoes) {
  ASSERT_THAT(alice_.Join(kDirectory), IsOk());
  EXPECT_THAT(Events(), IsEmpty());
  Create("chat:lobby");
  EXPECT_THAT(Events(), ElementsAre(R"(room:added chat:lobby "lobby")"));
  ASSERT_THAT(world_.Call("chat:lobby", "setPassword", R"({"password":"x"})"), IsOk());
  EXPECT_THAT(Events(), ElementsAre(R"(room:changed chat:lobby "lobby" private)"));
  Create("chat:den", {{"create", true}, {"name", "The den"}});
  EXPECT_THAT(Events(), ElementsAre(R"(room:added chat:den "The den" by in chat:den)"));
  // What the directory does not show.
  world_.With("chat:lobby", [](Room* room) { room->Update({.metadata = json::object{{"topic", "cats"}}}); });
  EXPECT_THAT(Events(), IsEmpty());
  world_.Destroy("chat:lobby");
  EXPECT_THAT(Events(), ElementsAre("room:removed chat:lobby"));
  EXPECT_THAT(world_.State(kDirectory), ::testing::Not(HasSubstr("chat:lobby")));
}

TEST_F(DirectoryRoomTest, APasswordGoesWithItsRoomAndTheRoomFromTheDirectory) {
  ASSERT_THAT(alice_.Join(kDirectory), IsOk());
  Client& bob = world_.Connect("bob");
  ASSERT_THAT(bob.Join("chat:den", {.payload = R"({"create":true,"password":"s3cret"})"}), IsOk());
  ASSERT_THAT(bob.Leave("chat:den"), IsOk());
  world_.Advance(absl::Minutes(5) - absl::Seconds(1));
  EXPECT_THAT(world_.State(kDirectory), HasSubstr(R"("isPrivate":true)"));
  alice_.Frames();
  world_.Advance(absl::Seconds(1));
  EXPECT_THAT(Events(), ElementsAre("room:removed chat:den"));
  Create("chat:den");
  EXPECT_THAT(Events(), ElementsAre(R"(room:added chat:den "den")"));
}

TEST_F(DirectoryRoomTest, ShowsAThousandAndCountsTheRest) {
  for (int i = 0; i < 1002; ++i) Create("ping:" + std::to_string(i));
  const json::value state = alice_.Join(kDirectory)->State();
  EXPECT_EQ(state.at("notShown"), 2);
  EXPECT_EQ(state.at("rooms").as_object().size(), 1000u);
  alice_.Frames();
  const std::string shown(state.at("rooms").as_object().begin()->key());
  world_.Destroy(shown);
  const std::vector<std::string> events = Events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0], "room:removed " + shown);
  EXPECT_THAT(events[1], HasSubstr("room:added"));
  EXPECT_THAT(world_.State(kDirectory), HasSubstr(R"("notShown":1)"));
}

}  // namespace
}  // namespace atrium::testing
