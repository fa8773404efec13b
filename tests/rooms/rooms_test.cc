// The rooms that ship, but for the chat (live/typed_room_test.cc).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rooms/counter_room.h"
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

}  // namespace
}  // namespace atrium
