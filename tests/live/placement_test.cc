#include "server/live/manager/placement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace atrium {
namespace {

// Other programs and other versions count on these.
TEST(PlacementTest, ARoomIsInThePartThatItHasAlwaysBeenIn) {
  EXPECT_EQ(Partition("a"), 603);
  EXPECT_EQ(Partition("geral"), 545);
  EXPECT_EQ(Partition("chat:lobby"), 299);
  EXPECT_EQ(Partition("directory:main"), 919);
  EXPECT_EQ(Partition("0123456789012345678901234567890123456789012345678901234567890123"), 703);
}

TEST(PlacementTest, PartsAndShardsHaveAboutAsManyRooms) {
  constexpr int kEach = 100;
  std::vector<int> parts(kPartitions), shards(6);
  for (int i = 0; i < kEach * kPartitions; ++i) {
    const int part = Partition(absl::StrCat("room-", i));
    ++parts.at(part);
    ++shards.at(ShardOfPartition(part, shards.size()));
  }
  EXPECT_GT(*std::min_element(parts.begin(), parts.end()), kEach / 2);
  EXPECT_LT(*std::max_element(parts.begin(), parts.end()), kEach * 3 / 2);
  const int fair = kEach * kPartitions / static_cast<int>(shards.size());
  EXPECT_GT(*std::min_element(shards.begin(), shards.end()), fair * 98 / 100);
  EXPECT_LT(*std::max_element(shards.begin(), shards.end()), fair * 102 / 100);
}

}  // namespace
}  // namespace atrium
