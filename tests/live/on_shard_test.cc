#include "server/live/shards/on_shard.h"

#include <gtest/gtest.h>

#include "server/session/session.h"
#include "tests/support/room_world.h"

namespace atrium::testing {
namespace {

class OnShardDeathTest : public ::testing::Test {
 protected:
  void SetUp() override {
#ifndef ATRIUM_CHECK_SHARDS
    GTEST_SKIP() << "only Debug and sanitizer builds look";
#endif
    ana_.Join("r");
    world_.With("r", [this](Room* room) {
      room_ = room;
      home_ = world_.shards().current();
    });
    for (const auto& [key, session] : world_.hub(0).sessions()) session_ = session.get();
    ASSERT_NE(session_, nullptr);
  }

  RoomWorld world_;
  Client& ana_ = world_.Connect("ana");
  Room* room_ = nullptr;
  int home_ = 0;
  Session* session_ = nullptr;
};

TEST_F(OnShardDeathTest, ARoomIsUsedOnItsShardOnly) {
  world_.shards().RunOn(home_, [&] { EXPECT_TRUE(room_->Emit({.event = "hi"}).ok()); });
  EXPECT_DEATH(world_.shards().RunOn(1 - home_, [&] { room_->Emit({.event = "hi"}).IgnoreError(); }),
               "room_traffic\\.cc:[0-9]+: .*Room::Emit\\(.* runs off its shard");
  EXPECT_DEATH(world_.shards().RunElsewhere([&] { room_->Describe(); }), "Room::Describe\\(.* runs off its shard");
}

TEST_F(OnShardDeathTest, ASessionAndItsHubAreUsedOnTheirShardOnly) {
  world_.shards().RunOn(0, [&] { EXPECT_EQ(world_.hub(0).Find(session_->id()), session_); });
  EXPECT_DEATH(world_.shards().RunOn(1, [&] { session_->Describe(); }), "Session::Describe\\(.* runs off its shard 0");
  EXPECT_DEATH(world_.shards().RunOn(1, [&] { world_.hub(0).Find(""); }), "SessionHub::Find\\(.* runs off its shard 0");
}

TEST_F(OnShardDeathTest, AChannelIsUsedOnTheShardThatIsNamed) {
  Channel channel({.id = "r"}, Channel::Terms{}, 2);
  world_.shards().RunOn(1, [&] { EXPECT_EQ(channel.Find(world_.shards()[1], 1), nullptr); });
  EXPECT_DEATH(world_.shards().RunOn(1, [&] { channel.Find(world_.shards()[0], 1); }),
               "Channel::Find\\(.* runs off its shard 0");
}

}  // namespace
}  // namespace atrium::testing
