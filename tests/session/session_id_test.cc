#include "server/session/session_id.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/random/random.h"

namespace atrium::testing {
namespace {

using ::testing::MatchesRegex;

TEST(SessionIdTest, NamesTheShardOfItsHome) {
  absl::BitGen random;
  const std::string id = NewSessionId({.shard = 3}, random);
  EXPECT_THAT(id, MatchesRegex("s3-[0-9A-Za-z_-]{12}"));
  EXPECT_EQ(ShardOfSession(id, 4), 3);
  EXPECT_EQ(ShardOfSession(id, 3), -1) << "the server has been started again with fewer shards";
}

TEST(SessionIdTest, LeavesRoomForTheSlotOfANode) {
  absl::BitGen random;
  EXPECT_THAT(NewSessionId({.slot = 4095, .shard = 255}, random), MatchesRegex("s1048575-.{12}"));
  EXPECT_EQ(ShardOfSession(NewSessionId({.slot = 1, .shard = 3}, random), 256), -1) << "it lives on another node";
}

TEST(SessionIdTest, IsNoneUnlessItNamesANumber) {
  for (const std::string id : {"", "s", "s-", "s-x", "x0-aaaaaaaaaaaa", "sx-aaaaaaaaaaaa", "s0", "s99999999999-a"}) {
    EXPECT_EQ(ShardOfSession(id, 256), -1) << id;
  }
}

TEST(SessionKeysTest, AreAllDifferentAndInNoOtherHome) {
  SessionKeys keys({.shard = 1});
  const SessionKey first = keys.Next();
  EXPECT_EQ(keys.Next(), first + 1);
  EXPECT_LT(SessionKeys({.shard = 0}).Next() >> SessionKeys::kCountBits, first >> SessionKeys::kCountBits);
}

}  // namespace
}  // namespace atrium::testing
