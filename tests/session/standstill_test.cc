// A server that stood still (stopped, suspended, without a processor) has not heard its clients: it does not hold that
// against them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/session/session_world.h"

namespace atrium {
namespace {

using testing::FakeConnection;
using testing::SessionWorld;
using Client = SessionWorld::Client;

class StandstillTest : public ::testing::Test {
 protected:
  StandstillTest() { world_.StartHubs(); }

  static v1::ClientFrame Emit() {
    v1::ClientFrame frame;
    frame.mutable_emit()->set_room_id("geral");
    frame.mutable_emit()->set_event("hi");
    return frame;
  }
  static v1::ClientFrame Join() {
    v1::ClientFrame frame;
    frame.mutable_join()->set_room_id("geral");
    return frame;
  }
  static uint32_t CodeOf(const Client& client) { return client.frames().back().goodbye().code(); }
  void Pass(absl::Duration duration) { world_.Advance(duration); }
  // Nothing runs for so long. Then everything is due at once.
  void StandStill(absl::Duration duration) { world_.shards().Pass(duration); }

  SessionWorld world_{RoomRegistry()};
  Client& ana_ = world_.Connect("ana", 0);
};

TEST_F(StandstillTest, WhoWasPingedHasItsTimeToAnswer) {
  Pass(absl::Seconds(26));
  StandStill(absl::Seconds(30));
  Pass(absl::Seconds(5));
  ASSERT_EQ(CodeOf(ana_), 0u);
  ana_.Sign();
  Pass(absl::Seconds(24));
  EXPECT_EQ(CodeOf(ana_), 0u);
}

TEST_F(StandstillTest, WhoHasGoneIsFoundOutAllTheSame) {
  Pass(absl::Seconds(26));
  StandStill(absl::Seconds(30));
  Pass(absl::Seconds(10));
  EXPECT_EQ(CodeOf(ana_), 3012u);
}

TEST_F(StandstillTest, WhoseAnswerCameMeanwhileIsHeardFirst) {
  Pass(absl::Seconds(26));
  StandStill(absl::Hours(8));
  ana_.Sign();
  Pass(absl::Seconds(24));
  EXPECT_EQ(CodeOf(ana_), 0u);
}

TEST_F(StandstillTest, AHelloMayStillCome) {
  const auto connection = std::make_shared<FakeConnection>(world_.hub(0));
  world_.hub(0).Add(connection);
  Pass(absl::Seconds(8));
  StandStill(absl::Seconds(30));
  Pass(absl::Seconds(1));
  EXPECT_TRUE(connection->frames.empty());
  Pass(absl::Seconds(4));
  ASSERT_EQ(connection->frames.size(), 1u);
  EXPECT_EQ(connection->frames[0].goodbye().code(), 3502u);
}

TEST_F(StandstillTest, ASessionMayStillBeResumed) {
  ana_.Ask(Join());
  ana_.Lose();
  Pass(absl::Seconds(14.5));
  StandStill(absl::Minutes(10));
  Pass(absl::Milliseconds(100));
  Client& back = world_.Resume(ana_);
  EXPECT_TRUE(back.welcome().resumed());
  EXPECT_TRUE(back.Ask(Emit()).has_emit());

  back.Lose();
  Pass(absl::Seconds(14.5));
  StandStill(absl::Minutes(10));
  Pass(absl::Seconds(3));
  EXPECT_EQ(world_.hub(0).sessions().size(), 0u) << "but not for ever";
}

TEST_F(StandstillTest, WhatCameMeanwhileIsNotOverTheRate) {
  ana_.Ask(Join());
  // It asks as fast as it may.
  for (int i = 0; i < 199; ++i) ASSERT_TRUE(ana_.Ask(Emit()).has_emit());
  ASSERT_TRUE(ana_.Ask(Emit()).has_error());
  StandStill(absl::Seconds(30));
  std::vector<uint32_t> ids;
  for (int i = 0; i < 30 * 50; ++i) ids.push_back(ana_.Send(Emit()));
  Pass(absl::Milliseconds(1));
  for (const uint32_t id : ids) ASSERT_TRUE(ana_.Reply(id).has_emit());
  // And then as before.
  int more = 0;
  while (ana_.Ask(Emit()).has_emit()) ASSERT_LT(++more, 300);
}

TEST_F(StandstillTest, ALittleLateIsNoStandstill) {
  Pass(absl::Seconds(26));
  for (int i = 0; i < 16; ++i) {
    StandStill(absl::Milliseconds(600));
    Pass(absl::Milliseconds(1));
  }
  EXPECT_EQ(CodeOf(ana_), 3012u);
}

TEST_F(StandstillTest, APongIsDueFromWhenItsPingWasWritten) {
  ana_.Ask(Join());
  ana_.Read(0);
  for (int i = 0; i < 5; ++i) {
    v1::EmitRequest request;
    request.set_room_id("geral");
    request.set_event("hi");
    world_.api().Emit(Caller::Service(), {request}, [](const auto&) {});
  }
  Pass(absl::Seconds(25.5));
  // A frame each 7 s: it is there, and the ping is behind them.
  for (int i = 0; i < 5; ++i) {
    Pass(absl::Seconds(7));
    ana_.Read(1);
  }
  Pass(absl::Seconds(7));
  EXPECT_EQ(CodeOf(ana_), 0u);
  ana_.Read(1);
  Pass(absl::Seconds(6));
  EXPECT_EQ(CodeOf(ana_), 0u);
  ana_.Read(10);
  EXPECT_EQ(CodeOf(ana_), 0u) << "no goodbye is queued";
  Pass(absl::Seconds(4));
  ana_.Read(10);
  EXPECT_EQ(CodeOf(ana_), 3012u);
}

TEST_F(StandstillTest, APingThatIsNeverWrittenIsNotWaitedForForEver) {
  ana_.Read(0);
  world_.api().Emit(Caller::Service(), {}, [](const auto&) {});
  Pass(absl::Seconds(40));
  ana_.Read(10);
  EXPECT_EQ(CodeOf(ana_), 3012u);
}

}  // namespace
}  // namespace atrium
