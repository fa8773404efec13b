// Clients that read too slowly, without sockets, threads or clocks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "rooms/counter.pb.h"
#include "server/live/live_room.h"
#include "tests/session/session_harness.h"

namespace atrium {
namespace {

using ::testing::ElementsAre;
using testing::FakeConnection;
using ::testing::IsEmpty;
using testing::SessionHarness;
using Client = SessionHarness::Client;

constexpr size_t kLimit = 4096;

class FieldRoom final : public LiveRoom<rooms::CounterState, rooms::CounterMeta> {
 public:
  static constexpr absl::string_view kName = "field";
  static void Describe(RoomType<FieldRoom>& type) {
    type.options().slow_policy = SlowPolicy::kCoalesce;
    type.Method("count", &FieldRoom::Count);
  }
  absl::StatusOr<rooms::CounterState> Count(const rooms::CounterRequest& request, const CallContext&) {
    Mutate([](rooms::CounterState& state) { state.set_count(state.count() + 1); });
    if (!request.username().empty()) Emit("blob", request);
    return state();
  }
};

RoomRegistry Registry() {
  RoomRegistry registry;
  EXPECT_TRUE(registry.Add<FieldRoom>().ok());
  return registry;
}

class SlowTest : public ::testing::Test {
 protected:
  void Enter(Client& client, const std::string& room) {
    v1::JoinRequest request;
    request.set_room_id(room);
    request.set_member_id(client.id());
    sessions_.api.Join(Caller::Service(), {request}, [](const auto& response) { EXPECT_TRUE(response.ok()); });
    sessions_.shards.Run();
  }
  // Each counts one on, with an event of so many bytes.
  void Count(const std::string& room, int times, size_t bytes) {
    json::object args;
    args["username"] = std::string(bytes, 'x');
    for (int i = 0; i < times; ++i) {
      v1::CallRequest request;
      request.set_room_id(room);
      request.set_method("count");
      sessions_.api.Call(Caller::Service(), {request, Payload::FromJson(args)},
                         [](const auto& response) { EXPECT_TRUE(response.ok()) << response.status(); });
      sessions_.shards.Run();
    }
  }
  void Emit(const std::string& room, const std::string& event, bool is_volatile = false, size_t bytes = 300) {
    v1::EmitRequest request;
    request.set_room_id(room);
    request.set_event(event);
    request.set_volatile_(is_volatile);
    sessions_.api.Emit(Caller::Service(), {request, Payload::FromText("\"" + std::string(bytes, 'x') + "\"")},
                       [](const auto& response) { EXPECT_TRUE(response.ok()); });
    sessions_.shards.Run();
  }
  // The room's count as the client has it; every patch must follow on the one before.
  static int CountOf(const Client& client, const std::string& room) {
    int count = -1;
    for (const v1::ServerFrame& frame : client.frames()) {
      if (frame.has_snapshot() && frame.snapshot().room().id() == room) {
        count = static_cast<int>(frame.snapshot().state().struct_value().fields().at("count").number_value());
      }
      if (!frame.has_patch() || frame.patch().room_id() != room) continue;
      const int next = static_cast<int>(frame.patch().operations(0).value().number_value());
      EXPECT_EQ(next, count + 1);
      count = next;
    }
    return count;
  }
  static int Snapshots(const Client& client) {
    return static_cast<int>(std::count_if(client.frames().begin(), client.frames().end(),
                                          [](const auto& frame) { return frame.has_snapshot(); }));
  }
  static std::vector<std::string> Events(const Client& client) {
    std::vector<std::string> events;
    for (const v1::ServerFrame& frame : client.frames()) {
      if (frame.has_event()) events.push_back(frame.event().event());
      if (frame.has_goodbye()) events.push_back(absl::StrCat(frame.goodbye().code()));
    }
    return events;
  }
  int64_t Slow(SlowAction action) { return sessions_.hub(0).counters().slow[static_cast<int>(action)].value(); }

  SessionHarness sessions_{Registry(), {.send_queue_bytes = kLimit}};
  Client& slow_ = sessions_.Connect("slow", 0);
  Client& fast_ = sessions_.Connect("fast", 0);
};

TEST_F(SlowTest, ASnapshotStandsForAllThatWaitsOfARoomThatCoalesces) {
  Enter(slow_, "field:1");
  Enter(fast_, "field:1");
  slow_.Read(0);
  for (int i = 0; i < 100; ++i) {
    Count("field:1", 1, 500);
    // And the snapshot.
    EXPECT_LE(slow_.waiting(), kLimit + 1000);
  }
  EXPECT_EQ(CountOf(fast_, "field:1"), 100);
  EXPECT_EQ(Events(fast_).size(), 100u);
  EXPECT_GT(Slow(SlowAction::kCoalesce), 0);
  EXPECT_EQ(Slow(SlowAction::kDisconnect), 0);

  slow_.Read(1000);
  EXPECT_EQ(CountOf(slow_, "field:1"), 100);
  EXPECT_LE(Snapshots(slow_), 3);
  Count("field:1", 1, 1);
  EXPECT_EQ(CountOf(slow_, "field:1"), 101);
}

TEST_F(SlowTest, AReaderThatGoesOnSlowlyEndsWithTheSameState) {
  Enter(slow_, "field:1");
  slow_.Read(0);
  for (int i = 0; i < 50; ++i) {
    Count("field:1", 5, 200);
    slow_.Read(i % 4);
  }
  slow_.Read(100000);
  EXPECT_EQ(CountOf(slow_, "field:1"), 250);
}

TEST_F(SlowTest, TheLargestRoomGoesFirst) {
  Enter(slow_, "field:1");
  Enter(slow_, "field:2");
  slow_.Read(0);
  Count("field:1", 1, 500);
  Count("field:2", 10, 500);
  slow_.Read(1000);
  EXPECT_EQ(CountOf(slow_, "field:1"), 1);
  EXPECT_EQ(CountOf(slow_, "field:2"), 10);
  EXPECT_EQ(Snapshots(slow_), 3);
}

TEST_F(SlowTest, AFrameThatIsLargerThanTheLimitPassesIntoAnEmptyQueue) {
  Enter(slow_, "geral");
  Emit("geral", "large", false, 3 * kLimit);
  EXPECT_THAT(Events(slow_), ElementsAre("large"));
}

TEST_F(SlowTest, VolatileFramesGoFirst) {
  Enter(slow_, "geral");
  slow_.Read(0);
  for (int i = 0; i < 100; ++i) Emit("geral", "typing", true);
  for (int i = 0; i < 10; ++i) Emit("geral", "kept");
  slow_.Read(1000);
  const std::vector<std::string> events = Events(slow_);
  EXPECT_EQ(std::count(events.begin(), events.end(), "kept"), 10);
  EXPECT_GT(Slow(SlowAction::kVolatile), 0);
  EXPECT_EQ(Slow(SlowAction::kDisconnect), 0);
}

TEST_F(SlowTest, OnlyTheCompressedFormOfAFrameWaits) {
  SessionHub& hub = sessions_.hub(0);
  const auto connection = std::make_shared<FakeConnection>(hub, Encoding::kDeflatedJson);
  connection->Take(0);
  const EncodingSet encodings(Encoding::kDeflatedJson, &hub.deflater());
  Event event{.room_id = "geral", .origin = {.room = 1, .offset = 1}, .event = "long"};
  event.data = Payload::FromText("\"" + std::string(3000, 'x') + "\"");
  FramePtr frame = EncodeEvent(event, encodings);
  const std::weak_ptr<const Frame> whole = frame;
  const size_t size = frame->deflated()->size();
  connection->Send(frame);
  frame = nullptr;
  EXPECT_TRUE(whole.expired());
  EXPECT_EQ(connection->outbox().bytes(), size);
  EXPECT_LT(size, 200u);
  EXPECT_EQ(connection->outbox().UnsentFrames().at(0)->origin().offset, 1u);
}

TEST_F(SlowTest, WhoIsDisconnectedMayResumeAndHasMissedNothing) {
  Enter(slow_, "geral");
  Enter(fast_, "geral");
  slow_.Read(0);
  std::vector<std::string> all;
  for (int i = 0; i < 40; ++i) {
    all.push_back(absl::StrCat("e", i));
    Emit("geral", all.back());
    EXPECT_LE(slow_.waiting(), kLimit);
    if (i == 3) slow_.Read(2);
  }
  EXPECT_EQ(Slow(SlowAction::kDisconnect), 1);
  EXPECT_EQ(Events(fast_), all);
  slow_.Read(1000);
  std::vector<std::string> seen = Events(slow_);
  EXPECT_EQ(seen.back(), "3008");
  seen.pop_back();

  Client& back = sessions_.Resume(slow_);
  EXPECT_TRUE(back.welcome().resumed());
  for (const std::string& event : Events(back)) seen.push_back(event);
  EXPECT_EQ(seen, all);
}

}  // namespace
}  // namespace atrium
