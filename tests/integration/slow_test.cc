// A client that stops reading, beside one that does not: the one misses nothing, the other ends with the same state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rooms/counter.pb.h"
#include "server/live/live_room.h"
#include "server/live/room_registry.h"
#include "tests/support/raw_websocket.h"
#include "tests/support/test_client.h"

namespace atrium {
namespace {

using testing::HasSubstr;

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
  TestServer server_{
      {"--shards=2", "--session-rate=0", "--history-bytes=0", absl::StrCat("--send-queue-bytes=", kLimit)},
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

TEST_F(SlowReaderTest, ThePolicyAndTheWindowOfATypeAreListed) {
  const std::string types = server_.Get("/api/room-types").body;
  EXPECT_THAT(types, HasSubstr("SLOW_POLICY_COALESCE"));
  EXPECT_THAT(types, HasSubstr("SLOW_POLICY_DISCONNECT"));
  EXPECT_THAT(types, HasSubstr("\"resumeWindow\":\"20s\""));
  EXPECT_THAT(types, HasSubstr("\"resumeWindow\":\"15s\""));
}

}  // namespace
}  // namespace atrium
