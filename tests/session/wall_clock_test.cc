// Somebody sets the wall clock: by an hour back (a time server after a long time without), by a day forward (a wrong
// day). Nothing that the server counts on ends early or stays too long.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/session/session_world.h"
#include "tests/support/memory_log.h"
#include "tests/support/scripted_room.h"

namespace atrium {
namespace {

using testing::AnswerPtr;
using testing::MemoryLog;
using testing::RoomWorld;
using testing::Script;
using testing::ScriptedWorld;
using testing::SessionWorld;

const auto kTurned = ::testing::Values(-absl::Hours(1), absl::Hours(24));
const auto kName = [](const auto& turned) { return turned.param < absl::ZeroDuration() ? "Back" : "Forward"; };

class WallClockRoomTest : public ::testing::TestWithParam<absl::Duration> {
 protected:
  void Turn() { world_.shards().TurnWallClock(GetParam()); }
  void Pass(absl::Duration duration) { world_.Advance(duration); }

  bool Keeps(const v1::Position& since) {
    bool keeps = false;
    world_.With("r", [&](Room* room) { keeps = room->GetHistory(since, 10).ok(); });
    return keeps;
  }
  v1::Position Position() {
    v1::Position position;
    world_.With("r", [&](Room* room) { position = room->position(); });
    return position;
  }
  uint64_t EmitWithKey() {
    v1::EmitRequest request;
    request.set_room_id("r");
    request.set_event("hi");
    request.set_idempotency_key("k");
    const AnswerPtr answer = world_.Ask<v1::EmitRequest, v1::EmitResponse>(
        &RoomApi::Emit, request,
        [](const auto& response, v1::Reply& reply) { *reply.mutable_emit() = *response.message; });
    world_.Run();
    return answer->reply.emit().position().offset();
  }
  absl::Status Watch(const v1::Position& known) {
    absl::Status status;
    world_.manager().FindToWatch("r", known.epoch(), [&](const auto& room) { status = room.status(); });
    world_.Run();
    return status;
  }

  RoomWorld world_;
  testing::Client& ana_ = world_.Connect("ana");
};

INSTANTIATE_TEST_SUITE_P(Turned, WallClockRoomTest, kTurned, kName);

TEST_P(WallClockRoomTest, AnEmptyRoomIsKeptForItsTime) {
  ana_.Join("r");
  ana_.Leave("r");
  Turn();
  Pass(absl::Minutes(5) - absl::Seconds(1));
  EXPECT_NE(world_.State("r"), "absent");
  Pass(absl::Seconds(1));
  EXPECT_EQ(world_.State("r"), "absent");
}

TEST_P(WallClockRoomTest, HistoryIsKeptForItsTime) {
  ana_.Join("r");
  const v1::Position start = Position();
  ana_.Emit("r", "hi");
  Turn();
  Pass(absl::Minutes(5));
  EXPECT_TRUE(Keeps(start));
  Pass(absl::Seconds(1));
  EXPECT_FALSE(Keeps(start));
}

TEST_P(WallClockRoomTest, AnAnswerIsKeptForItsTime) {
  ana_.Join("r");
  const uint64_t offset = EmitWithKey();
  Turn();
  Pass(absl::Minutes(5));
  EXPECT_EQ(EmitWithKey(), offset);
  Pass(absl::Seconds(1));
  EXPECT_GT(EmitWithKey(), offset);
}

TEST_P(WallClockRoomTest, ADestroyedRoomIsRememberedForItsTime) {
  ana_.Join("r");
  const v1::Position known = Position();
  world_.Destroy("r");
  Turn();
  Pass(absl::Minutes(5) - absl::Seconds(1));
  EXPECT_EQ(Watch(known).code(), absl::StatusCode::kNotFound);
  Pass(absl::Seconds(1));
  EXPECT_TRUE(Watch(known).ok());
}

TEST_P(WallClockRoomTest, ADurableRoomIsKeptForItsTime) {
  constexpr char kRoom[] = "scripted:a";
  MemoryLog log;
  log.auto_complete = true;
  Script script;
  script.options.durable = true;
  RoomWorld::Settings settings = Storing(log);
  settings.rooms.durable_ttl = absl::Hours(1);
  ScriptedWorld world(script, settings);
  world.Call(kRoom, "change");
  world.Advance(absl::Minutes(10));
  world.shards().TurnWallClock(GetParam());
  world.Advance(absl::Minutes(40));
  EXPECT_NE(log.stored(kRoom), nullptr);
  world.State(kRoom);
  world.Advance(absl::Minutes(5));
  EXPECT_NE(log.stored(kRoom), nullptr) << "it was loaded to be read, and put aside again";
  world.Advance(absl::Minutes(10));
  EXPECT_EQ(log.stored(kRoom), nullptr);
}

class WallClockSessionTest : public ::testing::TestWithParam<absl::Duration> {
 protected:
  using Client = SessionWorld::Client;

  WallClockSessionTest() { world_.StartHubs(); }

  void Turn() { world_.shards().TurnWallClock(GetParam()); }
  void Pass(absl::Duration duration) { world_.Advance(duration); }
  // How many requests of many pass.
  int Passed() {
    int passed = 0;
    for (int i = 0; i < 400; ++i) {
      v1::ClientFrame frame;
      frame.mutable_emit()->set_room_id("r");
      frame.mutable_emit()->set_event("hi");
      passed += ana_.Ask(frame).error().message() == "Rate limit exceeded" ? 0 : 1;
    }
    return passed;
  }
  static uint32_t CodeOf(const Client& client) { return client.frames().back().goodbye().code(); }

  SessionWorld world_{RoomRegistry()};
  Client& ana_ = world_.Connect("ana", 0);
};

INSTANTIATE_TEST_SUITE_P(Turned, WallClockSessionTest, kTurned, kName);

TEST_P(WallClockSessionTest, AClientIsPingedAndHasItsTimeToAnswer) {
  Pass(absl::Seconds(20));
  Turn();
  Pass(absl::Seconds(12));
  EXPECT_EQ(CodeOf(ana_), 0u);
  Pass(absl::Seconds(3));
  EXPECT_EQ(CodeOf(ana_), 3012u);
}

TEST_P(WallClockSessionTest, ASessionWaitsForItsClientForItsTime) {
  ana_.Lose();
  Turn();
  Pass(absl::Seconds(14));
  EXPECT_EQ(world_.hub(0).sessions().size(), 1u);
  Pass(absl::Seconds(1));
  EXPECT_TRUE(world_.hub(0).sessions().empty());
}

TEST_P(WallClockSessionTest, ARateIsARate) {
  EXPECT_LT(Passed(), 400);
  Turn();
  EXPECT_EQ(Passed(), 0);
  Pass(absl::Seconds(1));
  EXPECT_EQ(Passed(), 50);
}

}  // namespace
}  // namespace atrium
