// Clients that read too slowly, without sockets, threads or clocks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "rooms/counter.pb.h"
#include "server/live/authoring/live_room.h"
#include "tests/session/session_world.h"
#include "tests/support/matchers.h"

namespace atrium {
namespace {

using ::testing::ElementsAre;
using testing::FakeConnection;
using ::testing::IsEmpty;
using testing::SessionWorld;
using Client = SessionWorld::Client;

constexpr size_t kLimit = 4096;
constexpr size_t kHistory = 1 << 20;

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
  // Each counts one on, with an event of so many bytes.
  void Count(const std::string& room, int times, size_t bytes) {
    const std::string args = absl::StrCat(R"({"username":")", std::string(bytes, 'x'), "\"}");
    for (int i = 0; i < times; ++i) EXPECT_THAT(world_.Call(room, "count", args), IsOk());
  }
  void Emit(const std::string& room, const std::string& event, bool is_volatile = false, size_t bytes = 300) {
    v1::EmitRequest request;
    request.set_room_id(room);
    request.set_event(event);
    request.set_volatile_(is_volatile);
    world_.api().Emit(Caller::Service(), {request, Payload::FromText("\"" + std::string(bytes, 'x') + "\"")},
                      [](const auto& response) { EXPECT_TRUE(response.ok()); });
    world_.Run();
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
  static v1::ClientFrame Ask(const std::string& what, const std::string& room) {
    v1::ClientFrame frame;
    if (what == "join") frame.mutable_join()->set_room_id(room);
    if (what == "getState") frame.mutable_get_state()->set_room_id(room);
    if (what == "emit") frame.mutable_emit()->set_room_id(room), frame.mutable_emit()->set_event("small");
    return frame;
  }
  // Makes its state about so large.
  void Fill(const std::string& room, size_t bytes) {
    fast_.Ask(Ask("join", room));
    v1::ClientFrame frame;
    frame.mutable_set_state()->set_room_id(room);
    (*frame.mutable_set_state()->mutable_state()->mutable_struct_value()->mutable_fields())["x"].set_string_value(
        std::string(bytes, 'x'));
    EXPECT_TRUE(fast_.Ask(frame).has_set_state());
  }
  static size_t StateOf(const google::protobuf::Value& state) {
    return state.struct_value().fields().at("x").string_value().size();
  }
  static std::vector<std::string> Events(const Client& client) {
    std::vector<std::string> events;
    for (const v1::ServerFrame& frame : client.frames()) {
      if (frame.has_event()) events.push_back(frame.event().event());
      if (frame.has_goodbye()) events.push_back(absl::StrCat(frame.goodbye().code()));
    }
    return events;
  }
  int64_t Slow(SlowAction action) { return world_.hub(0).counters().slow[static_cast<int>(action)].value(); }

  SlowTest() { world_.StartHubs(); }

  SessionWorld world_{Registry(), {.rate = 0, .send_queue_bytes = kLimit}, {.history = {.bytes = kHistory}}};
  Client& slow_ = world_.Connect("slow", 0);
  Client& fast_ = world_.Connect("fast", 0);
};

TEST_F(SlowTest, ASnapshotStandsForAllThatWaitsOfARoomThatCoalesces) {
  EXPECT_THAT(world_.Join("field:1", slow_.id()), IsOk());
  EXPECT_THAT(world_.Join("field:1", fast_.id()), IsOk());
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
  EXPECT_THAT(world_.Join("field:1", slow_.id()), IsOk());
  slow_.Read(0);
  for (int i = 0; i < 50; ++i) {
    Count("field:1", 5, 200);
    slow_.Read(i % 4);
  }
  slow_.Read(100000);
  EXPECT_EQ(CountOf(slow_, "field:1"), 250);
}

TEST_F(SlowTest, TheLargestRoomGoesFirst) {
  EXPECT_THAT(world_.Join("field:1", slow_.id()), IsOk());
  EXPECT_THAT(world_.Join("field:2", slow_.id()), IsOk());
  slow_.Read(0);
  Count("field:1", 1, 500);
  Count("field:2", 10, 500);
  slow_.Read(1000);
  EXPECT_EQ(CountOf(slow_, "field:1"), 1);
  EXPECT_EQ(CountOf(slow_, "field:2"), 10);
  EXPECT_EQ(Snapshots(slow_), 3);
}

TEST_F(SlowTest, AFrameThatIsLargerThanTheLimitPassesIntoAnEmptyQueue) {
  EXPECT_THAT(world_.Join("geral", slow_.id()), IsOk());
  Emit("geral", "large", false, 3 * kLimit);
  EXPECT_THAT(Events(slow_), ElementsAre("large"));
}

TEST_F(SlowTest, VolatileFramesGoFirst) {
  EXPECT_THAT(world_.Join("geral", slow_.id()), IsOk());
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
  SessionHub& hub = world_.hub(0);
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
  EXPECT_THAT(world_.Join("geral", slow_.id()), IsOk());
  EXPECT_THAT(world_.Join("geral", fast_.id()), IsOk());
  slow_.Read(0);
  std::vector<std::string> all;
  for (int i = 0; i < 40; ++i) {
    all.push_back(absl::StrCat("e", i));
    Emit("geral", all.back());
    // And one frame more.
    EXPECT_LE(slow_.waiting(), kLimit + 400);
    if (i == 3) slow_.Read(2);
  }
  EXPECT_EQ(Slow(SlowAction::kDisconnect), 0) << "it may still take something";
  world_.Advance(absl::Seconds(5));
  EXPECT_EQ(Slow(SlowAction::kDisconnect), 1);
  EXPECT_EQ(Events(fast_), all);
  slow_.Read(1000);
  std::vector<std::string> seen = Events(slow_);
  EXPECT_EQ(seen.back(), "3008");
  seen.pop_back();

  Client& back = world_.Resume(slow_);
  EXPECT_TRUE(back.welcome().resumed());
  for (const std::string& event : Events(back)) seen.push_back(event);
  EXPECT_EQ(seen, all);
}

TEST_F(SlowTest, ALargeStateMayStandBesideAFullQueue) {
  Fill("large", kLimit);
  for (const bool large_first : {true, false}) {
    Client& client = world_.Connect("client");
    client.Read(0);
    std::vector<uint32_t> ids;
    if (large_first) ids.push_back(client.Send(Ask("join", "large")));
    ids.push_back(client.Send(Ask("join", "small")));
    for (int i = 0; i < 40; ++i) ids.push_back(client.Send(Ask("emit", "small")));
    if (!large_first) ids.push_back(client.Send(Ask("join", "large")));
    world_.Run();
    EXPECT_LT(client.waiting(), 2 * kLimit + 1000);
    world_.Advance(absl::Seconds(10));
    client.Read(1000);
    for (const uint32_t id : ids) EXPECT_FALSE(client.Reply(id).has_error());
    for (const uint32_t id : ids) EXPECT_EQ(client.Reply(id).id(), id);
  }
  EXPECT_EQ(Slow(SlowAction::kDisconnect), 0);
}

TEST_F(SlowTest, AnswersWithLargeStatesComeOneAfterTheOther) {
  std::vector<std::string> rooms;
  for (int i = 0; i < 10; ++i) rooms.push_back(absl::StrCat("large", i));
  for (const std::string& room : rooms) Fill(room, kLimit);
  slow_.Read(0);
  std::vector<uint32_t> joins, states;
  for (const std::string& room : rooms) joins.push_back(slow_.Send(Ask("join", room)));
  for (const std::string& room : rooms) states.push_back(slow_.Send(Ask("getState", room)));
  world_.Run();
  for (const std::string& room : rooms) Emit(room, "behind " + room);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_LT(slow_.waiting(), 3 * kLimit);
    slow_.Read(1);
  }
  for (const uint32_t id : joins) EXPECT_EQ(StateOf(slow_.Reply(id).join().state()), kLimit);
  for (const uint32_t id : states) EXPECT_EQ(StateOf(slow_.Reply(id).get_state().state()), kLimit);
  // What came meanwhile comes behind the state that it follows on.
  for (const std::string& room : rooms) {
    int at = 0, joined = -1, heard = -1;
    for (const v1::ServerFrame& frame : slow_.frames()) {
      if (frame.reply().join().room().id() == room) joined = at;
      if (frame.event().event() == "behind " + room) heard = at;
      ++at;
    }
    EXPECT_GE(joined, 0);
    EXPECT_TRUE(heard > joined || slow_.Reply(joins[&room - rooms.data()]).join().position().offset() >= 3) << room;
  }
  EXPECT_EQ(Slow(SlowAction::kDisconnect), 0);
}

// What one that takes so many bytes a second has got in the end of a room that sends more; or "3008" is the last.
class PaceTest : public SlowTest, public ::testing::WithParamInterface<int> {};

TEST_P(PaceTest, DecidesWhoIsSlow) {
  EXPECT_THAT(world_.Join("geral", slow_.id()), IsOk());
  slow_.Read(0);
  std::vector<std::string> all;
  for (int second = 0; second < 20; ++second) {
    for (int i = 0; i < 40; ++i) {
      all.push_back(absl::StrCat("e", all.size()));
      Emit("geral", all.back(), false, 2000);
      // And what it catches up with.
      EXPECT_LE(slow_.waiting(), kLimit + 2200 + kHistory);
    }
    for (int taken = 0; taken < GetParam(); taken += 2000) slow_.Read(1);
    world_.Advance(absl::Seconds(1));
  }
  const bool slow = GetParam() < 64 * 1024;
  EXPECT_EQ(Slow(SlowAction::kDisconnect), slow ? 1 : 0);
  slow_.Read(100000);
  const std::vector<std::string> events = Events(slow_);
  if (slow) {
    EXPECT_EQ(events.back(), "3008");
  } else {
    EXPECT_EQ(events, all);
  }
}

INSTANTIATE_TEST_SUITE_P(BytesASecond, PaceTest, ::testing::Values(0, 20'000, 60'000, 72'000, 200'000));

TEST_F(SlowTest, RequestsWaitWhileAnswersAreNotRead) {
  Fill("large", kLimit);
  slow_.Ask(Ask("join", "large"));
  slow_.Read(0);
  for (int i = 0; i < 3; ++i) slow_.Send(Ask("getState", "large"));
  world_.Run();
  std::vector<uint32_t> ids;
  for (int i = 0; i < 300; ++i) ids.push_back(slow_.Send(Ask("emit", "large")));
  world_.Run();
  EXPECT_LT(slow_.waiting(), 3 * kLimit + 10'000);
  slow_.Read(100000);
  int done = 0, refused = 0;
  for (const uint32_t id : ids) {
    done += slow_.Reply(id).has_emit();
    refused += slow_.Reply(id).has_error();
  }
  EXPECT_EQ(done, 256);
  EXPECT_EQ(refused, 44);
  EXPECT_EQ(Slow(SlowAction::kDisconnect), 0);
}

TEST_F(SlowTest, PingsDoNotPileUp) {
  slow_.Read(0);
  for (int i = 0; i < 20; ++i) Emit("geral", "nobody");
  world_.Advance(absl::Hours(1));
  EXPECT_EQ(Events(slow_).size(), 0u);
  slow_.Read(100);
  EXPECT_EQ(Events(slow_).back(), "3012");
}

}  // namespace
}  // namespace atrium
