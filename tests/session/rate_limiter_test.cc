#include "server/session/rate_limiter.h"

#include <gtest/gtest.h>

namespace atrium {
namespace {

int Passed(RateLimiter& limiter, int tries, absl::Time now) {
  int passed = 0;
  for (int i = 0; i < tries; ++i) passed += limiter.Take(now) ? 1 : 0;
  return passed;
}

TEST(RateLimiterTest, PassesABurstAndThenTheRate) {
  const absl::Time start = absl::UnixEpoch();
  RateLimiter limiter(/*rate=*/50, /*burst=*/100, start);
  EXPECT_EQ(Passed(limiter, 200, start), 100);
  EXPECT_EQ(Passed(limiter, 200, start + absl::Seconds(1)), 50);
  EXPECT_EQ(Passed(limiter, 200, start + absl::Seconds(60)), 100);
}

TEST(RateLimiterTest, RefillsNothingWhenTheClockGoesBack) {
  const absl::Time start = absl::UnixEpoch() + absl::Hours(1);
  RateLimiter limiter(50, 100, start);
  EXPECT_EQ(Passed(limiter, 100, start), 100);
  EXPECT_EQ(Passed(limiter, 10, start - absl::Minutes(1)), 0);
  EXPECT_EQ(Passed(limiter, 10, start), 0);
}

TEST(RateLimiterTest, ARateOfZeroLimitsNothing) {
  RateLimiter limiter(0, 0, absl::UnixEpoch());
  EXPECT_EQ(Passed(limiter, 1000, absl::UnixEpoch()), 1000);
}

}  // namespace
}  // namespace atrium
