// Whatever is asked at once, and whatever fails: no member, seat, message or change is lost, and none is left behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/parse.hpp>
#include <chrono>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rooms/room_catalog.h"
#include "tests/support/component_frames.h"
#include "tests/support/matchers.h"
#include "tests/support/probe.h"
#include "tests/support/room_world.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

namespace json = boost::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A room for two, whose OnCreate and OnJoin wait until the gate is open. `gate:bad` cannot be created.
class GateRoom final : public LiveRoom<rooms::CounterState, rooms::CounterMeta> {
 public:
  static constexpr absl::string_view kName = "gate";
  static inline std::atomic<bool> open;
  static inline std::atomic<int> waiting, accepted, left, left_in_order;

  static void Describe(RoomType<GateRoom>& type) { type.options().max_members = 2; }

  Awaitable<absl::Status> OnCreate() override {
    const bool bad = id() == "gate:bad";
    if (bad) co_await PassGate();
    co_return bad ? absl::InternalError("planted") : absl::OkStatus();
  }
  Awaitable<absl::Status> OnJoin(JoinContext& join) override {
    join.membership = join.member.id;
    co_await PassGate();
    ++accepted;
    co_return absl::OkStatus();
  }
  void OnLeave(LeaveContext& leave) override {
    ++left;
    const auto* bag = std::any_cast<std::string>(&leave.membership);
    if (bag != nullptr && *bag == leave.member.id && leave.reason == v1::LEAVE_REASON_DISCONNECT) ++left_in_order;
  }

 private:
  static Awaitable<void> PassGate() {
    ++waiting;
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
    while (!open) {
      timer.expires_after(std::chrono::milliseconds(1));
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
    --waiting;
  }
};

// A client with a Probe component.
struct Prober {
  Prober(const TestServer& server, const std::string& user)
      : client(server, Door::kJson, user), id(client.Ask(MountFrame("Probe")).mount().component_id()) {}

  uint32_t Begin(const std::string& action, const std::string& room, const std::string& text = "") {
    return client.Send(ActionFrame(id, action, absl::StrCat(R"({"user":")", room, R"(","text":")", text, "\"}")));
  }
  std::string End(uint32_t request) {
    const v1::Reply reply = client.Reply(request);
    if (reply.has_error()) return reply.error().message();
    return reply.call().result().struct_value().fields().at("text").string_value();
  }
  std::string Do(const std::string& action, const std::string& room, const std::string& text = "") {
    return End(Begin(action, room, text));
  }

  TestClient client;
  const std::string id;
};

class ConsistencyTest : public ::testing::Test {
 protected:
  ConsistencyTest() {
    GateRoom::open = false;
    GateRoom::waiting = GateRoom::accepted = GateRoom::left = GateRoom::left_in_order = 0;
    for (const char* user : {"ana", "bo", "cem"}) probers_.push_back(std::make_unique<Prober>(server_, user));
  }

  int64_t MemberCount(const std::string& room) {
    const HttpReply reply = server_.Get("/api/rooms/" + room);
    return reply.status == 404 ? -1 : reply.Json().at("memberCount").as_int64();
  }
  json::value StateOf(const std::string& room) {
    return server_.Get("/api/rooms/" + room + "/state").Json().at("state");
  }

  static absl::Status AddRooms(RoomRegistry& registry) {
    absl::Status status = AddProbes(registry);
    status.Update(registry.Add<GateRoom>());
    return status;
  }

  TestServer server_{{"--max-state-bytes=4000", "--resume-window=0s"}, AddRooms};
  std::vector<std::unique_ptr<Prober>> probers_;
};

TEST_F(ConsistencyTest, JoinsAtOnceDoNotPassTheCapacity) {
  std::vector<uint32_t> joins;
  for (const auto& prober : probers_) {
    joins.push_back(prober->Begin("join", "gate:a"));
    ASSERT_TRUE(Eventually([&] { return GateRoom::waiting >= std::min<int>(2, static_cast<int>(joins.size())); }));
  }
  EXPECT_EQ(probers_[2]->End(joins[2]), "Room is full");
  GateRoom::open = true;
  EXPECT_EQ(probers_[0]->End(joins[0]), "OK");
  EXPECT_EQ(probers_[1]->End(joins[1]), "OK");
  EXPECT_EQ(MemberCount("gate:a"), 2);
}

TEST_F(ConsistencyTest, NobodyIsLeftInARoomThatCouldNotBeCreated) {
  const uint32_t first = probers_[0]->Begin("join", "gate:bad");
  ASSERT_TRUE(Eventually([&] { return GateRoom::waiting == 1; }));
  const uint32_t second = probers_[1]->Begin("join", "gate:bad");
  probers_[1]->Do("rooms", "");  // The join has been asked for.
  GateRoom::open = true;
  EXPECT_EQ(probers_[0]->End(first), "Room initialization failed");
  EXPECT_EQ(probers_[1]->End(second), "Room initialization failed");
  EXPECT_TRUE(Eventually([&] { return MemberCount("gate:bad") == -1; }));
}

TEST_F(ConsistencyTest, WhoDisconnectsDuringItsJoinIsNoGhost) {
  probers_[0]->Begin("join", "gate:a");
  ASSERT_TRUE(Eventually([&] { return GateRoom::waiting == 1; }));
  probers_[0] = nullptr;
  ASSERT_TRUE(Eventually([&] { return server_.Metric("atrium_components") == 2; }));
  GateRoom::open = true;
  EXPECT_TRUE(Eventually([&] { return GateRoom::accepted == 1 && GateRoom::left == 1; }));
  EXPECT_EQ(MemberCount("gate:a"), 0);
}

TEST_F(ConsistencyTest, ADisconnectIsOneOnLeaveWithItsBag) {
  GateRoom::open = true;
  EXPECT_EQ(probers_[0]->Do("join", "gate:a"), "OK");
  probers_[0] = nullptr;
  EXPECT_TRUE(Eventually([&] { return MemberCount("gate:a") == 0; }));
  EXPECT_EQ(GateRoom::left, 1);
  EXPECT_EQ(GateRoom::left_in_order, 1);
}

TEST_F(ConsistencyTest, ADisconnectTakesOutNobodyElsesComponent) {
  EXPECT_EQ(probers_[0]->Do("join", "hall:a"), "OK");
  EXPECT_EQ(probers_[1]->Do("join", "hall:a"), "OK");
  probers_[0] = nullptr;
  EXPECT_TRUE(Eventually([&] { return MemberCount("hall:a") == 1; }));
  EXPECT_EQ(server_.Post("/api/rooms/hall:a/emit", R"({"event":"still"})").Json().at("notified"), 1);
  probers_[1]->client.WaitForEvent("hall:a", "still");
}

TEST_F(ConsistencyTest, AnEmptyRoomHasItsWholeTimeEachTime) {
  testing::RoomWorld world;
  testing::Client& alice = world.Connect("alice");
  ASSERT_THAT(alice.Join("room", {.initial_state = R"({"kept":true})"}), IsOk());
  for (int i = 0; i < 3; ++i) {
    ASSERT_THAT(alice.Leave("room"), IsOk());
    world.Advance(absl::Minutes(4));
    ASSERT_THAT(alice.Join("room"), IsOk());
    EXPECT_EQ(world.State("room"), R"({"kept":true})");
  }
}

TEST_F(ConsistencyTest, AComponentKnowsWhetherItIsIn) {
  EXPECT_EQ(probers_[0]->Do("join", "hall:a"), "OK");
  // A client cannot take its component out behind its back.
  EXPECT_THAT(probers_[0]->client.Leave("hall:a").error().message(), HasSubstr("is not a member of this room"));
  EXPECT_EQ(probers_[0]->Do("rooms", "hall:a"), "hall:a joined");
  // A service can: the component hears of it, and may join again.
  EXPECT_EQ(server_.Call("DELETE", absl::StrCat("/api/rooms/hall:a/members/", probers_[0]->id)).status, 200);
  EXPECT_TRUE(Eventually([&] { return probers_[0]->Do("rooms", "hall:a") == " out"; }));
  EXPECT_EQ(probers_[0]->Do("join", "hall:a"), "OK");
  EXPECT_EQ(MemberCount("hall:a"), 1);
}

TEST_F(ConsistencyTest, AHandlerOfARefusedJoinNeverRuns) {
  EXPECT_EQ(probers_[0]->Do("join", "hall:a"), "OK");
  EXPECT_EQ(probers_[1]->Do("listen", "hall:a", "news"), "listening");
  EXPECT_EQ(probers_[1]->Do("join", "hall:a", "evil"), "No evil here");
  EXPECT_EQ(server_.Post("/api/rooms/hall:a/emit", R"({"event":"news"})").Json().at("notified"), 1);
  probers_[0]->client.WaitForEvent("hall:a", "news");
  probers_[1]->Do("rooms", "");
  for (const v1::ServerFrame& frame : probers_[1]->client.frames()) EXPECT_FALSE(frame.has_component());
}

TEST_F(ConsistencyTest, NoMessageIsLostAndEachIsSentOnce) {
  std::vector<std::pair<TestClient*, std::string>> chats;
  for (const auto& prober : probers_) {
    const v1::Reply mounted = prober->client.Ask(MountFrame("LiveRoomChat"));
    chats.emplace_back(&prober->client, mounted.mount().component_id());
    prober->client.Ask(ActionFrame(chats.back().second, "joinRoom", R"({"roomId":"lobby"})"));
  }
  constexpr int kEach = 7;
  for (int i = 0; i < kEach; ++i) {
    for (const auto& [client, id] : chats) client->Send(ActionFrame(id, "sendMessage", R"({"text":"hello"})"));
  }
  ASSERT_TRUE(Eventually([&] { return StateOf("chat:lobby").at("messages").as_array().size() == 3 * kEach; }));
  const json::value position = server_.Get("/api/rooms/chat:lobby").Json().at("position");
  TestClient& reader = *chats[0].first;
  reader.WaitForOffset("chat:lobby", std::stoull(position.at("offset").as_string().c_str()));
  int added = 0;
  int events = 0;
  for (const v1::ServerFrame& frame : reader.RoomFrames("chat:lobby")) {
    events += frame.event().event() == "chat:message" ? 1 : 0;
    for (const v1::PatchOperation& operation : frame.patch().operations()) {
      added += absl::StartsWith(operation.path(), "/messages") ? 1 : 0;
      EXPECT_FALSE(operation.value().has_list_value()) << "the whole list";
    }
  }
  EXPECT_EQ(added, 3 * kEach);
  EXPECT_EQ(events, 3 * kEach);
}

TEST_F(ConsistencyTest, AStateThatIsTooLargeChangesNothing) {
  TestClient& writer = probers_[0]->client;
  TestClient& reader = probers_[1]->client;
  writer.Join("room", R"({"n":1})");
  reader.Join("room");
  const v1::Reply refused = writer.SetState("room", absl::StrCat(R"({"n":2,"x":")", std::string(5000, 'x'), "\"}"));
  EXPECT_EQ(refused.error().message(), "Room state exceeds maximum size limit");
  EXPECT_EQ(StateOf("room"), json::parse(R"({"n":1})"));
  EXPECT_TRUE(writer.SetState("room", R"({"n":3})").has_set_state());
  const auto is_patch = [](const v1::ServerFrame& frame) { return frame.has_patch(); };
  EXPECT_EQ(reader.WaitFor(is_patch, "a patch").patch().operations(0).value().number_value(), 3);
}

TEST_F(ConsistencyTest, AValueThatCannotBeWrittenIsRefusedBeforeAnythingChanges) {
  TestClient client(server_, Door::kProto);
  client.Join("room", R"({"n":1})");
  v1::ClientFrame frame;
  frame.mutable_set_state()->set_room_id("room");
  auto& fields = *frame.mutable_set_state()->mutable_state()->mutable_struct_value()->mutable_fields();
  fields["n"].set_number_value(2);
  fields["bad"].set_number_value(std::nan(""));
  EXPECT_THAT(client.Ask(frame).error().message(), HasSubstr("setState.state"));
  EXPECT_EQ(StateOf("room"), json::parse(R"({"n":1})"));
}

TEST_F(ConsistencyTest, AnExpiredRoomLeavesTheDirectoryWithItsPassword) {
  RoomRegistry registry;
  ASSERT_TRUE(RegisterRooms(registry).ok());
  testing::RoomWorld world(std::move(registry));
  testing::Client& alice = world.Connect("alice");
  ASSERT_THAT(world.Connect("watcher").Join("directory:main"), IsOk());
  ASSERT_THAT(alice.Join("chat:den", {.payload = R"({"create":true,"name":"Den","password":"s3cret"})"}), IsOk());
  ASSERT_THAT(alice.Leave("chat:den"), IsOk());
  world.Advance(absl::Minutes(5) - absl::Seconds(1));
  EXPECT_THAT(world.State("directory:main"), HasSubstr(R"("isPrivate":true)"));
  EXPECT_EQ(world.Connect("bob").Join("chat:den")->status.message(), "Wrong password");
  world.Advance(absl::Minutes(6));
  EXPECT_THAT(world.State("directory:main"), Not(HasSubstr("chat:den")));
  EXPECT_THAT(world.Connect("cem").Join("chat:den"), IsOk());
}

TEST_F(ConsistencyTest, WhatWasSentHasANumberThatAllCanCheck) {
  TestClient& reader = probers_[0]->client;
  reader.Join("room");
  std::vector<uint64_t> told;
  for (int i = 0; i < 3; ++i) {
    const json::value sent = server_.Post("/api/rooms/room/emit", R"({"event":"e"})").Json();
    EXPECT_EQ(sent.at("notified"), 1);
    told.push_back(std::stoull(sent.at("position").at("offset").as_string().c_str()));
  }
  reader.WaitForOffset("room", told.back());
  EXPECT_EQ(Offsets(reader.RoomFrames("room")), told);
  EXPECT_THAT(told, ElementsAre(told[0], told[0] + 1, told[0] + 2));
}

// As React's StrictMode asks: in one segment, of rooms on all shards.
TEST(RejoinTest, TheLastWordOfASegmentWins) {
  TestServer server({"--shards=4"});
  for (const Door door : {Door::kJson, Door::kProto, Door::kGrpc}) {
    TestClient client(server, door);
    for (int i = 0; i < 20; ++i) {
      const std::string room = absl::StrCat("room", i);
      std::vector<uint32_t> ids = {client.Send(JoinFrame(room)), client.Send(LeaveFrame(room)),
                                   client.Send(JoinFrame(room)), client.Send(EmitFrame(room, "hi"))};
      if (i % 2 == 1) ids.push_back(client.Send(LeaveFrame(room)));
      for (const uint32_t id : ids) EXPECT_FALSE(client.Reply(id).has_error()) << client.Reply(id).ShortDebugString();
      EXPECT_EQ(server.Get("/api/rooms/" + room).Json().at("memberCount"), i % 2 == 1 ? 0 : 1);
    }
    client.SayLeave();
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(
          Eventually([&] { return server.Get(absl::StrCat("/api/rooms/room", i)).Json().at("memberCount") == 0; }));
    }
  }
}

}  // namespace
}  // namespace atrium
