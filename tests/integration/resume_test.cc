// Sessions that lose their connection and come back, through each door and across doors and shards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/wire/json.h"
#include "server/wire/payload.h"
#include "tests/support/json_patch.h"
#include "tests/support/raw_websocket.h"
#include "tests/support/test_client.h"

namespace atrium {
namespace {

using ::testing::Combine;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Values;

// Emits into `geral` from another client, without a pause, as long as it lives.
class Chatter {
 public:
  explicit Chatter(const TestServer& server) : client_(server, Door::kProto, "chatter") {
    client_.Join("geral");
    thread_ = std::thread([this] {
      while (!stop_) {
        const int i = count_++;
        v1::ClientFrame frame = EmitFrame("geral", "tick", absl::StrCat(i));
        // Some are for all but the last who came, some for nobody.
        if (i % 7 == 0) frame.mutable_emit()->add_exclude("nobody");
        if (i % 11 == 0) frame.mutable_emit()->add_to("nobody");
        client_.Ask(std::move(frame));
      }
    });
  }
  // How many there were.
  int Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    return count_;
  }
  ~Chatter() { Stop(); }

 private:
  TestClient client_;
  std::atomic<bool> stop_{false};
  std::atomic<int> count_{0};
  std::thread thread_;
};

// The numbers that the ticks of `geral` carry, and what they must be: all from the first on, but for those to nobody.
std::vector<int> Ticks(const TestClient& client) {
  std::vector<int> ticks;
  for (const v1::ServerFrame& frame : client.frames()) {
    if (frame.event().event() == "tick") ticks.push_back(static_cast<int>(frame.event().data().number_value()));
  }
  return ticks;
}
std::vector<int> TicksFrom(int first, int end) {
  std::vector<int> ticks;
  for (int i = first; i < end; ++i) {
    if (i % 11 != 0) ticks.push_back(i);
  }
  return ticks;
}

// A hello that goes on with the session of `client` in `geral`, and says what it has of that.
v1::Hello HelloFrom(const TestClient& client, const v1::Position& has) {
  v1::Hello hello = ResumeHello(client.welcome());
  hello.add_known()->set_room_id("geral");
  *hello.mutable_known(0)->mutable_position() = has;
  return hello;
}

v1::Position LastOf(const TestClient& client, const v1::Position& joined) {
  v1::Position position = joined;
  for (const v1::ServerFrame& frame : client.RoomFrames("geral")) position.set_offset(OffsetOf(frame));
  return position;
}

class EachWayTest : public ::testing::TestWithParam<std::tuple<Door, Door>> {
 protected:
  TestServer server_{{"--shards=4", "--session-rate=0", "--history-frames=100000", "--history-bytes=0",
                      "--websocket-compress-above=100"}};
};
INSTANTIATE_TEST_SUITE_P(Doors, EachWayTest,
                         Combine(Values(Door::kJson, Door::kProto, Door::kGrpc, Door::kDeflatedJson),
                                 Values(Door::kJson, Door::kProto, Door::kGrpc, Door::kDeflatedJson)),
                         [](const auto& info) {
                           return absl::StrCat(DoorName(std::get<0>(info.param)), "To",
                                               DoorName(std::get<1>(info.param)));
                         });

TEST_P(EachWayTest, ALostConnectionCostsNothing) {
  const auto [first, second] = GetParam();
  auto client = std::make_unique<TestClient>(server_, first, "ana");
  const v1::Position joined = client->Join("geral").join().position();
  const std::string id = client->id();
  Chatter chatter(server_);
  client->WaitForEvent("geral", "tick");
  std::vector<int> ticks;
  v1::Position known = joined;
  for (int round = 0; round < 8; ++round) {
    for (int i = 0; i < 3; ++i) client->Emit("geral", "hi", absl::StrCat(i));
    for (const int tick : Ticks(*client)) ticks.push_back(tick);
    known = LastOf(*client, known);
    const v1::Hello hello = HelloFrom(*client, known);
    // Half of them while the server still thinks that the old one lives.
    std::unique_ptr<TestClient> old = std::move(client);
    if (round % 2 == 0) old = nullptr;
    client = std::make_unique<TestClient>(server_, round % 2 == 0 ? second : first, hello);
    ASSERT_TRUE(client->welcome().resumed());
    ASSERT_EQ(client->id(), id);
    if (old != nullptr) {
      EXPECT_EQ(old->WaitForGoodbye().code(), 3505u);
    }
    EXPECT_TRUE(client->GetState("geral").has_get_state());
  }
  const int end = chatter.Stop();
  // It may have come before the last loss already.
  if (ticks.empty() || ticks.back() < end - 2) {
    client->WaitFor([end](const auto& frame) { return frame.event().data().number_value() >= end - 2; },
                    "the last tick");
  }
  for (const int tick : Ticks(*client)) ticks.push_back(tick);
  ASSERT_FALSE(ticks.empty());
  EXPECT_EQ(ticks, TicksFrom(ticks.front(), ticks.back() + 1));
  EXPECT_GE(ticks.back(), end - 2);
  EXPECT_EQ(server_.Metric("atrium_resumes_total{result=\"resumed\"}"), 8);
  EXPECT_EQ(server_.Metric("atrium_recoveries_total{result=\"recovered\"}"), 8);
  EXPECT_EQ(server_.Metric("atrium_sessions_detached"), 0);
}

class ResumeTest : public ::testing::TestWithParam<Door> {
 protected:
  TestServer server_{{"--shards=4", "--websocket-compress-above=100"}};
};
INSTANTIATE_TEST_SUITE_P(Doors, ResumeTest,
                         Values(Door::kJson, Door::kProto, Door::kGrpc, Door::kDeflatedJson, Door::kDeflatedProto),
                         [](const auto& info) { return DoorName(info.param); });

TEST_P(ResumeTest, OthersSeeWhoIsAwayAndThenGone) {
  TestServer server({"--resume-window=3s"});
  TestClient watcher(server, GetParam());
  watcher.Join("geral");
  auto client = std::make_unique<TestClient>(server, GetParam(), "ana");
  client->Join("geral");
  const absl::Time lost = absl::Now();
  client = nullptr;
  watcher.WaitFor(
      [](const auto& frame) { return frame.member().changed_size() == 1 && !frame.member().changed(0).connected(); },
      "ana is away");
  EXPECT_GE(absl::Now() - lost, absl::Seconds(2));
  watcher.WaitFor([](const auto& frame) { return frame.member().left_size() == 1; }, "ana has left");
  EXPECT_GE(absl::Now() - lost, absl::Seconds(3));
  EXPECT_TRUE(Eventually([&] { return server.Metric("atrium_sessions_detached") == 0; }));
}

TEST_P(ResumeTest, AGoodbyeOfTheClientEndsItsSessionAtOnce) {
  TestClient watcher(server_, GetParam());
  watcher.Join("geral");
  TestClient client(server_, GetParam(), "ana");
  client.Join("geral");
  client.SayLeave();
  watcher.WaitFor([](const auto& frame) { return frame.member().left_size() == 1; }, "ana has left");
  EXPECT_FALSE(TestClient(server_, GetParam(), ResumeHello(client.welcome())).welcome().resumed());
}

TEST_P(ResumeTest, WhatIsBehindTheHelloComesToTheSession) {
  auto client = std::make_unique<TestClient>(server_, GetParam(), "ana");
  client->Join("geral");
  const v1::Hello hello = ResumeHello(client->welcome());
  client = nullptr;
  TestClient back(server_, GetParam(), hello);
  std::vector<uint32_t> ids;
  for (int i = 0; i < 20; ++i) ids.push_back(back.Send(EmitFrame("geral", absl::StrCat("e", i))));
  for (const uint32_t id : ids) EXPECT_TRUE(back.Reply(id).has_emit());
}

TEST_P(ResumeTest, AStateThatChangedMeanwhileIsTheSameAfterwards) {
  TestClient other(server_, GetParam(), "bo");
  auto client = std::make_unique<TestClient>(server_, GetParam(), "ana");
  v1::JoinResponse joined = client->Join("geral", R"({"a":{"n":0}})").join();
  other.Join("geral");
  client->WaitForOffset("geral", joined.position().offset() + 1);
  const v1::Hello hello = HelloFrom(*client, LastOf(*client, joined.position()));
  json::value state = *FromProtoValue(joined.state());
  client = nullptr;
  for (int i = 1; i <= 20; ++i) other.SetState("geral", absl::StrCat(R"({"a":{"n":)", i, R"(}, "k)", i, R"(": 1})"));
  TestClient back(server_, GetParam(), hello);
  const uint64_t end = other.GetState("geral").get_state().position().offset();
  back.WaitForOffset("geral", end);
  EXPECT_EQ(Offsets(back.RoomFrames("geral")).size(), 20u);
  for (const v1::ServerFrame& frame : back.RoomFrames("geral")) {
    EXPECT_TRUE(ApplyToCopy(frame.patch().operations(), state));
  }
  EXPECT_EQ(state, *FromProtoValue(other.GetState("geral").get_state().state()));
}

TEST_P(ResumeTest, ARoomThatWasDestroyedMeanwhileIsToldOfOnce) {
  auto client = std::make_unique<TestClient>(server_, GetParam(), "ana");
  const v1::Hello hello = HelloFrom(*client, client->Join("geral").join().position());
  client = nullptr;
  ASSERT_EQ(server_.Call("DELETE", "/api/rooms/geral").status, 200);
  TestClient back(server_, GetParam(), hello);
  ASSERT_TRUE(back.welcome().resumed());
  // Its reply comes behind all `left` frames.
  EXPECT_TRUE(back.Join("other").has_join());
  std::vector<std::string> left;
  for (const v1::ServerFrame& frame : back.frames()) {
    if (frame.has_left()) left.push_back(absl::StrCat(frame.left().room_id(), " ", frame.left().reason()));
  }
  EXPECT_THAT(left, ElementsAre(absl::StrCat("geral ", v1::LEAVE_REASON_CLEANUP)));
}

TEST_P(ResumeTest, ManyAtOnceOverAllShards) {
  constexpr int kClients = 40;
  TestClient other(server_, Door::kProto, "other");
  other.Join("geral");
  std::vector<v1::Hello> hellos;
  for (int i = 0; i < kClients; ++i) {
    TestClient client(server_, GetParam(), absl::StrCat("c", i));
    hellos.push_back(HelloFrom(client, client.Join("geral").join().position()));
  }
  other.Emit("geral", "missed");
  std::vector<std::thread> threads;
  std::atomic<int> resumed{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = t; i < kClients; i += 4) {
        TestClient back(server_, GetParam(), hellos[i]);
        resumed += back.welcome().resumed();
        back.WaitForEvent("geral", "missed");
        back.Emit("geral", "back");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(resumed, kClients);
}

TEST(ResumeOverWebSocketTest, ACloseWithAnotherCodeIsALoss) {
  TestServer server({"--shards=4"});
  const auto hello = [](const std::string& token) {
    return EncodeWebSocketFrame({.payload = absl::StrCat(R"({"id":1,"hello":{"resumeToken":")", token, R"("}})")}) +
           EncodeWebSocketFrame({.payload = R"({"id":2,"join":{"roomId":"geral"}})"});
  };
  std::string token;
  for (int i = 0; i < 10; ++i) {
    // The hello, and what is behind it, come with the upgrade request.
    RawWebSocket socket(server.http_port(), {.behind_request = hello(token)});
    const std::string welcome = socket.ReadMessage();
    EXPECT_EQ(welcome.find("\"resumed\":true") != std::string::npos, i > 0) << welcome;
    const size_t begin = welcome.find("\"resumeToken\":\"") + 15;
    token = welcome.substr(begin, welcome.find('"', begin) - begin);
    EXPECT_THAT(socket.ReadMessage(), HasSubstr("\"reply\":{\"id\":2,\"join\":"));
    socket.Send({.opcode = WebSocketFrame::kClose, .payload = ClosePayload(i % 2 == 0 ? 1001 : 4000)});
    EXPECT_TRUE(socket.ReadToEnd());
  }
  EXPECT_THAT(server.Get("/api/sessions").body, HasSubstr("\"connected\":false"));
}

TEST(ResumeOverWebSocketTest, ASocketThatIsCutInTheMiddleOfAFrameMissesTheWholeOfIt) {
  TestServer server({"--shards=4", "--send-queue-bytes=0", "--session-rate=0", "--history-bytes=0"});
  TestClient other(server, Door::kProto);
  other.Join("geral");
  auto socket = std::make_unique<RawWebSocket>(server.http_port(), RawWebSocket::Options{.receive_buffer = 4096});
  socket->SendText(R"({"id":1,"hello":{}})");
  const std::string welcome = socket->ReadMessage();
  const size_t begin = welcome.find("\"resumeToken\":\"") + 15;
  v1::Hello hello;
  hello.set_resume_token(welcome.substr(begin, welcome.find('"', begin) - begin));
  socket->SendText(R"({"id":2,"join":{"roomId":"geral"}})");
  socket->ReadMessage();
  // Far more than the kernel takes: some frames are sent, one is half sent, most are not.
  const std::string data = absl::StrCat("\"", std::string(50'000, 'x'), "\"");
  constexpr int kEvents = 200;
  for (int i = 0; i < kEvents; ++i) other.Emit("geral", absl::StrCat("e", i), data);
  socket = nullptr;
  TestClient back(server, Door::kProto, hello);
  ASSERT_TRUE(back.welcome().resumed());
  back.WaitForEvent("geral", absl::StrCat("e", kEvents - 1));
  const std::vector<v1::ServerFrame> frames = back.RoomFrames("geral");
  ASSERT_FALSE(frames.empty());
  EXPECT_LT(frames.size(), static_cast<size_t>(kEvents));
  for (size_t i = 0; i < frames.size(); ++i) {
    EXPECT_EQ(frames[i].event().event(), absl::StrCat("e", kEvents - frames.size() + i));
    EXPECT_EQ(frames[i].event().data().string_value().size(), 50'000u);
  }
}

}  // namespace
}  // namespace atrium
