// A client that stops reading, beside one that does not: the one misses nothing, the other ends with the same state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "rooms/counter.pb.h"
#include "server/live/authoring/live_room.h"
#include "server/live/authoring/room_registry.h"
#include "tests/support/raw_websocket.h"
#include "tests/support/test_client.h"

namespace atrium {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kLimit = 200'000;

class FieldRoom final : public LiveRoom<rooms::CounterState, rooms::CounterMeta> {
 public:
  static constexpr absl::string_view kName = "field";
  static void Describe(RoomType<FieldRoom>& type) {
    type.options().slow_policy = SlowPolicy::kCoalesce;
    type.options().resume_window = absl::Seconds(20);
    type.Method("count", &FieldRoom::Count);
  }
  absl::StatusOr<rooms::CounterState> Count(const rooms::CounterRequest& request, const CallContext&) {
    Mutate([](rooms::CounterState& state) { state.set_count(state.count() + 1); });
    Emit("blob", request);
    return state();
  }
};

class SlowReaderTest : public ::testing::Test {
 protected:
  SlowReaderTest() {
    socket_.SendText(R"({"id":1,"hello":{}})");
    const std::string welcome = socket_.ReadMessage();
    EXPECT_THAT(welcome, HasSubstr("welcome"));
    slow_id_ = Between(welcome, "\"sessionId\":\"", "\"");
    token_ = Between(welcome, "\"resumeToken\":\"", "\"");
  }
  static std::string Between(const std::string& text, const std::string& before, const std::string& after) {
    const size_t begin = text.find(before) + before.size();
    return text.substr(begin, text.find(after, begin) - begin);
  }
  void Enter(const std::string& room, const std::string& id) {
    EXPECT_EQ(server_.Post("/api/rooms/" + room + "/members", "{\"memberId\":\"" + id + "\"}").status, 200);
  }
  int64_t Queue() {
    const HttpReply sessions = server_.Get("/api/sessions");
    int64_t most = 0;
    for (size_t at = sessions.body.find("\"queueBytes\""); at != std::string::npos;
         at = sessions.body.find("\"queueBytes\"", at + 1)) {
      most = std::max<int64_t>(most, std::atoll(sessions.body.c_str() + sessions.body.find_first_of("0123456789", at)));
    }
    return most;
  }
  TestServer server_{{"--shards=2", "--session-rate=0", "--history-frames=0", "--history-bytes=0",
                      absl::StrCat("--send-queue-bytes=", kLimit)},
                     [](RoomRegistry& registry) { return registry.Add<FieldRoom>(); }};
  TestClient fast_{server_, Door::kGrpc, "fast"};
  RawWebSocket socket_{server_.http_port(), {.receive_buffer = 4096}};
  std::string slow_id_;
  std::string token_;
};

TEST_F(SlowReaderTest, OfARoomThatCoalescesGetsASnapshotForWhatItIsTooSlowFor) {
  Enter("field:1", slow_id_);
  Enter("field:1", fast_.id());
  constexpr int kCounts = 300;
  const std::string body = absl::StrCat(R"({"username":")", std::string(40'000, 'x'), "\"}");
  for (int i = 0; i < kCounts; ++i) {
    ASSERT_EQ(server_.Post("/api/rooms/field:1/methods/count", body).status, 200);
    // Behind the two that have come.
    fast_.WaitForOffset("field:1", 2 + 2 * (i + 1));
    if (i % 50 == 0) {
      EXPECT_LE(Queue(), kLimit + 50'000);
    }
  }
  EXPECT_EQ(fast_.RoomFrames("field:1").size(), size_t{2 * kCounts});
  EXPECT_GT(server_.Metric("atrium_slow_consumers_total{policy=\"coalesce\"}"), 0);
  EXPECT_EQ(server_.Metric("atrium_slow_consumers_total{policy=\"disconnect\"}"), 0);
  // Whatever it reads, in the end it knows the count.
  bool knows = false;
  int frames = 0;
  while (!knows) {
    const std::string message = socket_.ReadMessage();
    ASSERT_NE(message, "") << "after " << frames << " frames";
    ++frames;
    knows = absl::StrContains(message, absl::StrCat("\"count\":", kCounts)) ||
            absl::StrContains(message, absl::StrCat("\"value\":", kCounts));
  }
  EXPECT_LT(frames, 2 * kCounts);
}

TEST_F(SlowReaderTest, OfAnotherRoomIsCutAndMayResume) {
  Enter("geral", slow_id_);
  Enter("geral", fast_.id());
  const std::string data = absl::StrCat(R"({"event":"e","data":")", std::string(10'000, 'x'), "\"}");
  const auto cut = [&] { return server_.Metric("atrium_slow_consumers_total{policy=\"disconnect\"}") == 1; };
  int events = 0;
  while (!cut()) {
    ASSERT_EQ(server_.Post("/api/rooms/geral/emit", data).status, 200);
    ASSERT_LT(++events, 5000);
  }
  EXPECT_LE(Queue(), kLimit + 20'000);
  // What was written out; the rest comes to who resumes.
  int read = 0;
  v1::Hello hello;
  hello.set_resume_token(token_);
  v1::Position& known = *hello.add_known()->mutable_position();
  hello.mutable_known(0)->set_room_id("geral");
  for (std::string message = socket_.ReadMessage(); message != ""; message = socket_.ReadMessage()) {
    if (absl::StrContains(message, "\"goodbye\"")) break;
    if (absl::StrContains(message, "\"snapshot\"")) known.set_epoch(Between(message, "\"epoch\":\"", "\""));
    if (!absl::StrContains(message, "\"event\":{")) continue;
    known.set_offset(std::stoull(Between(message, "\"offset\":\"", "\"")));
    ++read;
  }
  TestClient back(server_, Door::kProto, hello);
  EXPECT_TRUE(back.welcome().resumed());
  back.Emit("geral", "end");
  fast_.WaitForEvent("geral", "end");
  EXPECT_TRUE(Eventually([&] {
    back.GetState("geral");
    return static_cast<int>(back.RoomFrames("geral").size()) >= events - read;
  }));
  int resumed = 0;
  for (const v1::ServerFrame& frame : back.RoomFrames("geral")) resumed += frame.event().event() == "e";
  EXPECT_EQ(read + resumed, events);
}

TEST_F(SlowReaderTest, WhoReadsMayAskForALargeStateAndMoreAtOnce) {
  fast_.Join("large");
  for (int i = 0; i < 6; ++i) {
    fast_.SetState("large", absl::StrCat("{\"k", i, "\":\"", std::string(50'000, 'x'), "\"}"));
  }
  for (const std::string large : {R"("join":{"roomId":"large"})", R"("getState":{"roomId":"large"})"}) {
    std::string at_once = EncodeWebSocketFrame({.payload = absl::StrCat(R"({"id":1,)", large, "}")});
    for (int i = 2; i <= 41; ++i) {
      absl::StrAppend(
          &at_once,
          EncodeWebSocketFrame(
              {.payload = absl::StrCat(R"({"id":)", i, i == 2 ? "," + large : R"(,"join":{"roomId":"small"})", "}")}));
    }
    socket_.SendBytes(at_once);
    std::set<std::string> replies;
    while (replies.size() < 41) {
      const std::string message = socket_.ReadMessage();
      ASSERT_NE(message, "") << "after " << replies.size();
      EXPECT_THAT(message, Not(HasSubstr("\"error\"")));
      if (absl::StrContains(message, "\"reply\"")) replies.insert(Between(message, "\"id\":", ","));
    }
  }
  EXPECT_EQ(server_.Metric("atrium_slow_consumers_total{policy=\"disconnect\"}"), 0);
}

TEST_F(SlowReaderTest, WhoTakesEnoughIsLetBeAndGetsAll) {
  Enter("geral", slow_id_);
  const std::string data = absl::StrCat(R"({"event":"e","data":")", std::string(10'000, 'x'), "\"}");
  int events = 0, read = 0;
  const auto read_one = [&] {
    const std::string message = socket_.ReadMessage();
    ASSERT_NE(message, "") << "after " << read;
    read += absl::StrContains(message, "\"event\":{");
  };
  // 400 kB a second are sent, 150 are read.
  const absl::Time start = absl::Now();
  for (int slice = 0; slice < 80; ++slice) {
    for (int i = 0; i < 4; ++i, ++events) ASSERT_EQ(server_.Post("/api/rooms/geral/emit", data).status, 200);
    EXPECT_LE(Queue(), kLimit + 20'000);
    while (read < (slice + 1) * 3 / 2) read_one();
    absl::SleepFor(start + (slice + 1) * absl::Milliseconds(100) - absl::Now());
  }
  while (read < events) read_one();
  EXPECT_EQ(server_.Metric("atrium_slow_consumers_total{policy=\"disconnect\"}"), 0);
}

TEST_F(SlowReaderTest, ThePolicyAndTheWindowOfATypeAreListed) {
  const std::string types = server_.Get("/api/room-types").body;
  EXPECT_THAT(types, HasSubstr("SLOW_POLICY_COALESCE"));
  EXPECT_THAT(types, HasSubstr("SLOW_POLICY_DISCONNECT"));
  EXPECT_THAT(types, HasSubstr("\"resumeWindow\":\"20s\""));
  EXPECT_THAT(types, HasSubstr("\"resumeWindow\":\"15s\""));
}

// What is written waits in the kernel, and a ping behind it: who reads that steadily may answer late, who does not may
// not.
TEST(SlowPongTest, IsWaitedForWhileItsClientReads) {
  TestServer server({"--ping-interval=300ms", "--pong-timeout=2s"});
  constexpr int kEvents = 12;
  const std::string data = absl::StrCat(R"({"event":"e","data":")", std::string(100'000, 'x'), "\"}");
  const auto enter = [](RawWebSocket& socket) {
    socket.SendText(R"({"id":1,"hello":{}})");
    EXPECT_THAT(socket.ReadMessage(), HasSubstr("welcome"));
    socket.SendText(R"({"id":2,"join":{"roomId":"geral"}})");
    EXPECT_THAT(socket.ReadMessage(), HasSubstr("\"join\""));
  };
  RawWebSocket idler(server.http_port(), {.receive_buffer = 16 * 1024});
  enter(idler);
  RawWebSocket reader(server.http_port(), {.receive_buffer = 16 * 1024});
  enter(reader);
  for (int i = 0; i < kEvents; ++i) ASSERT_EQ(server.Post("/api/rooms/geral/emit", data).status, 200);

  // At 300 kB a second it comes to its ping after 4 s.
  const absl::Time start = absl::Now();
  int events = 0, pings = 0;
  while (events < kEvents || pings == 0) {
    const auto frame = reader.Read();
    ASSERT_TRUE(frame.has_value()) << "after " << events << " events";
    ASSERT_THAT(frame->payload.substr(0, 100), Not(HasSubstr("goodbye")));
    if (frame->opcode == WebSocketFrame::kPing) {
      reader.Send({.opcode = WebSocketFrame::kPong, .payload = frame->payload});
      ++pings;
    }
    events += absl::StrContains(frame->payload, "\"event\":\"e\"");
    absl::SleepFor(start + events * absl::Seconds(100'000 / 300e3) - absl::Now());
  }
  reader.SendText(R"({"id":3,"getState":{"roomId":"geral"}})");
  std::string reply;
  do {
    reply = reader.ReadMessage();
  } while (!reply.empty() && !absl::StrContains(reply, "\"reply\"") && !absl::StrContains(reply, "\"goodbye\""));
  EXPECT_THAT(reply, HasSubstr("\"getState\""));
  EXPECT_TRUE(server.MetricReaches("atrium_closes_total{code=\"3012\"}", 1)) << "the one that reads nothing";
  EXPECT_EQ(server.Metric("atrium_closes_total{code=\"3012\"}"), 1);
}

}  // namespace
}  // namespace atrium
