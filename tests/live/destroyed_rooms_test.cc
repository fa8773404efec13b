#include "server/live/manager/destroyed_rooms.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace atrium {
namespace {

TEST(DestroyedRoomsTest, KnowsTheLastTenThousandForFiveMinutes) {
  const SteadyTime start;
  DestroyedRooms rooms;
  for (int i = 0; i < 10'001; ++i) rooms.Add(absl::StrCat("e", i), "r", start + absl::Milliseconds(i));
  EXPECT_EQ(rooms.size(), 10'000u);
  EXPECT_FALSE(rooms.Contains("e0", "r", start));
  EXPECT_TRUE(rooms.Contains("e1", "r", start));
  EXPECT_FALSE(rooms.Contains("e1", "another", start));
  EXPECT_FALSE(rooms.Contains("", "r", start));
  EXPECT_TRUE(rooms.Contains("e1", "r", start + absl::Minutes(5)));
  EXPECT_FALSE(rooms.Contains("e1", "r", start + absl::Minutes(5) + absl::Milliseconds(1)));
  EXPECT_FALSE(rooms.Contains("e10000", "r", start + absl::Minutes(6)));
  EXPECT_EQ(rooms.size(), 0u);
}

}  // namespace
}  // namespace atrium
