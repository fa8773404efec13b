#include "server/common/steady_time.h"

#include <gtest/gtest.h>

namespace atrium {
namespace {

TEST(SteadyTimeTest, GoesForward) {
  const SteadyTime before = SteadyTime::Now();
  EXPECT_GE(SteadyTime::Now(), before);
}

TEST(SteadyTimeTest, AddsAndSubtracts) {
  const SteadyTime start = SteadyTime::FromNanoseconds(1'000);
  EXPECT_EQ(start + absl::Microseconds(2), SteadyTime::FromNanoseconds(3'000));
  EXPECT_EQ(start - absl::Microseconds(2), SteadyTime::FromNanoseconds(-1'000));
  EXPECT_EQ(start + absl::Seconds(1) - start, absl::Seconds(1));
}

TEST(SteadyTimeTest, StopsAtInfinity) {
  const SteadyTime now = SteadyTime::FromNanoseconds(1'000);
  EXPECT_EQ(now + absl::InfiniteDuration(), SteadyTime::InfiniteFuture());
  EXPECT_EQ(SteadyTime::InfiniteFuture() + absl::Hours(1), SteadyTime::InfiniteFuture());
  EXPECT_EQ(SteadyTime::InfinitePast() - absl::Hours(1), SteadyTime::InfinitePast());
  EXPECT_EQ(now - SteadyTime::InfinitePast(), absl::InfiniteDuration());
  EXPECT_LT(now - SteadyTime::InfiniteFuture(), -absl::Hours(24 * 365 * 200));
}

}  // namespace
}  // namespace atrium
