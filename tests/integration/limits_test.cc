// Clients that want too much, or nothing at all: they are bounded or cut, and the other members notice nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/integration/bystanders.h"
#include "tests/support/matchers.h"
#include "tests/support/raw_websocket.h"
#include "tests/support/tcp_socket.h"
#include "tests/support/test_client.h"

namespace atrium {
namespace {

using testing::HasSubstr;

class RateTest : public BystandersTest {
 protected:
  RateTest()
      : BystandersTest({"--session-rate=20", "--session-burst=30", "--max-rooms-per-session=20",
                        "--max-components-per-session=10"}) {}
};

TEST_F(RateTest, LimitsEachSessionByItself) {
  TestClient eager(server_, Door::kProto);
  eager.Join("geral");
  std::vector<uint32_t> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(eager.Send(EmitFrame("geral", "flood")));
  int passed = 0;
  for (const uint32_t id : ids) {
    const v1::Reply reply = eager.Reply(id);
    passed += reply.has_emit();
    if (reply.has_error()) {
      EXPECT_THAT(reply.error(), StatusIs(absl::StatusCode::kResourceExhausted, "Rate limit exceeded"));
    }
  }
  EXPECT_GE(passed, 28);
  EXPECT_LT(passed, 80);
  EXPECT_EQ(server_.Metric("atrium_client_errors_total{code=\"RESOURCE_EXHAUSTED\"}"), 100 - passed);
  // The connection stays, and after a while it may ask again.
  EXPECT_TRUE(Eventually([&] { return eager.Emit("geral", "again").has_emit(); }));
}

class RoomsLimitTest : public BystandersTest {
 protected:
  RoomsLimitTest() : BystandersTest({"--session-rate=50"}) {}
};

// 128 joins at once, and others of a client that comes anew.
TEST_F(RoomsLimitTest, AreAllEnteredAtOnce) {
  for (const Door door : {Door::kJson, Door::kProto, Door::kGrpc}) {
    TestClient client(server_, door);
    EXPECT_EQ(client.welcome().request_rate(), 50);
    EXPECT_EQ(client.welcome().request_burst(), 200u);
    std::vector<uint32_t> ids;
    for (int i = 0; i < 130; ++i) ids.push_back(client.Send(JoinFrame(absl::StrCat("r", i))));
    std::vector<std::string> refusals;
    for (const uint32_t id : ids) {
      const v1::Reply reply = client.Reply(id);
      if (!reply.has_join()) refusals.push_back(reply.error().message());
    }
    EXPECT_THAT(refusals, testing::ElementsAre("A session may be in 128 rooms", "A session may be in 128 rooms"));
  }
}

TEST_F(RoomsLimitTest, HoldsTheBurstUpWhereverItIs) {
  TestServer many({"--max-rooms-per-session=500", "--session-rate=1"});
  TestClient client(many, Door::kProto);
  EXPECT_EQ(client.welcome().request_burst(), 516u);
  std::vector<uint32_t> ids;
  for (int i = 0; i < 500; ++i) ids.push_back(client.Send(JoinFrame(absl::StrCat("r", i))));
  for (const uint32_t id : ids) EXPECT_TRUE(client.Reply(id).has_join());
  TestServer none({"--session-rate=0"});
  EXPECT_EQ(TestClient(none, Door::kProto).welcome().request_burst(), 0u);
}

TEST_F(RoomsLimitTest, Is128ForASession) {
  TestClient collector(server_, Door::kJson);
  for (int i = 0; i < 128; ++i) ASSERT_TRUE(collector.Join(absl::StrCat("r", i)).has_join());
  EXPECT_THAT(collector.Join("geral").error(),
              StatusIs(absl::StatusCode::kResourceExhausted, "A session may be in 128 rooms"));
  const HttpReply brought =
      server_.Post("/api/rooms/geral/members", absl::StrCat(R"({"memberId":")", collector.id(), "\"}"));
  EXPECT_EQ(brought.status, 429);
  collector.Leave("r5");
  EXPECT_TRUE(collector.Join("again").has_join());
}

class HalfHttpTest : public BystandersTest {
 protected:
  HalfHttpTest() : BystandersTest({"--request-timeout=300ms"}) {}
};

TEST_F(HalfHttpTest, IsCutAfterTheRequestTimeout) {
  const std::vector<std::string> halves = {
      "", "POST /api/rooms/geral/emit HT", "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n",
      "POST /api/rooms/geral/emit HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"event\":"};
  std::vector<std::unique_ptr<TcpSocket>> sockets;
  for (const std::string& half : halves) {
    sockets.push_back(std::make_unique<TcpSocket>(server_.http_port()));
    sockets.back()->Send(half);
  }
  EXPECT_TRUE(ChatUntil([&] {
    std::string ignored;
    bool all_cut = true;
    for (const auto& socket : sockets) {
      while (socket->Receive(ignored, absl::Now())) {
      }
      all_cut = all_cut && socket->ended();
    }
    return all_cut;
  }));
  EXPECT_GE(server_.Metric("atrium_http_timeouts_total"), static_cast<double>(halves.size()));
}

class SilenceTest : public BystandersTest {
 protected:
  SilenceTest()
      : BystandersTest(
            {"--ping-interval=300ms", "--pong-timeout=300ms", "--hello-timeout=500ms", "--resume-window=0s"}) {}
};

TEST_F(SilenceTest, InsideAFrameEndsAtThePongTimeout) {
  RawWebSocket half = Offender();
  half.SendBytes(
      EncodeWebSocketFrame({.payload = R"({"id":7,"emit":{"roomId":"geral","event":"never"}})"}).substr(0, 20));
  EXPECT_TRUE(ChatUntil([&] { return server_.Metric("atrium_closes_total{code=\"3012\"}") >= 1; }));
  ExpectCut(half, 3012);
  EXPECT_TRUE(ChatUntil([&] { return server_.Get("/api/rooms/geral").Json().at("memberCount") == 2; }));
  EXPECT_EQ(server_.Metric("atrium_closes_total{code=\"3012\"}"), 1);
}

TEST_F(SilenceTest, IsFineForWhoAnswersPings) {
  RawWebSocket patient = Offender();
  int pings = 0;
  EXPECT_TRUE(ChatUntil([&] {
    const auto frame = patient.Read();
    if (frame && frame->opcode == WebSocketFrame::kPing) {
      patient.Send({.opcode = WebSocketFrame::kPong, .payload = frame->payload});
      ++pings;
    }
    return pings == 3;
  }));
  EXPECT_TRUE(Answers(patient));
}

TEST_F(SilenceTest, WithoutAHelloEndsAtItsTimeout) {
  RawWebSocket socket(server_.http_port());
  // Whatever else it sends.
  EXPECT_TRUE(ChatUntil([&] {
    socket.Send({.opcode = WebSocketFrame::kPing});
    return server_.Metric("atrium_closes_total{code=\"3502\"}") >= 1;
  }));
  ExpectCut(socket, 3502);
}

class SlowConsumerTest : public BystandersTest {
 protected:
  static constexpr int kQueue = 256 * 1024;
  SlowConsumerTest() : BystandersTest({absl::StrCat("--send-queue-bytes=", kQueue), "--resume-window=0s"}) {}
};

TEST_F(SlowConsumerTest, IsCutWhileTheOthersKeepReceiving) {
  constexpr int kData = 16 * 1024;
  RawWebSocket slow = Offender(/*receive_buffer=*/4096);
  const std::string data = absl::StrCat("\"", std::string(kData, 'x'), "\"");
  int64_t most = 0;
  int said = 0;
  for (; said < 2000 && server_.Metric("atrium_closes_total{code=\"3008\"}") < 1; ++said) {
    Chat(data);
    const boost::json::value sessions = server_.Get("/api/sessions").Json();
    for (const auto& session : sessions.at("sessions").as_array()) {
      most = std::max(most, std::stol(TextOf(session.at("queueBytes"))));
    }
  }
  // It is cut when it has taken nothing for some seconds, whatever is said meanwhile.
  EXPECT_TRUE(server_.MetricReaches("atrium_closes_total{code=\"3008\"}", 1));
  EXPECT_GT(most, 0);
  // And one frame more.
  EXPECT_LE(most, kQueue + kData + 1000);
  // What it gets when it reads at last is whole and in order, up to its goodbye.
  uint64_t expected = 0;
  std::string last;
  for (std::string message; !(message = slow.ReadMessage()).empty();) {
    last = message;
    if (!absl::StrContains(message, "\"event\":\"chat\"")) continue;
    const uint64_t offset = std::stoull(message.substr(message.find("\"offset\":\"") + 10));
    EXPECT_TRUE(expected == 0 || offset == expected) << offset << " after " << expected - 1;
    expected = offset + 1;
  }
  EXPECT_GT(expected, 0u);
  EXPECT_THAT(last, HasSubstr(R"({"goodbye":{"code":3008)"));
  Chat(data);
  EXPECT_EQ(server_.Get("/api/rooms/geral").Json().at("memberCount"), 2);
}

class CrowdTest : public BystandersTest {
 protected:
  CrowdTest() : BystandersTest({"--hello-timeout=5s", "--request-timeout=5s"}) {}
};

// Both ends of each connection are descriptors of this process.
void RaiseFileLimit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

TEST_F(CrowdTest, OfSilentConnectionsIsNotNoticedAndCut) {
  RaiseFileLimit();
  constexpr int kEach = 1000;
  std::vector<std::unique_ptr<TcpSocket>> sockets;
  std::vector<std::unique_ptr<RawWebSocket>> web_sockets;
  for (int i = 0; i < kEach; ++i) {
    sockets.push_back(std::make_unique<TcpSocket>(server_.http_port()));
    ASSERT_TRUE(sockets.back()->connected());
    web_sockets.push_back(std::make_unique<RawWebSocket>(server_.http_port()));
    ASSERT_TRUE(web_sockets.back()->open());
    if (i % 50 == 0) Chat();
  }
  constexpr absl::Duration kEnough = absl::Seconds(40);
  EXPECT_TRUE(Eventually(
      [&] {
        Chat();
        return server_.Metric("atrium_closes_total{code=\"3502\"}") == kEach &&
               server_.Metric("atrium_http_timeouts_total") >= kEach &&
               server_.Metric("atrium_connections{transport=\"websocket-json\"}") == 1;
      },
      kEnough));
}

}  // namespace
}  // namespace atrium
