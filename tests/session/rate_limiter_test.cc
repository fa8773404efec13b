#include "server/session/rate_limiter.h"

#include <gtest/gtest.h>

namespace atrium {
namespace {

int Passed(RateLimiter& limiter, int tries, SteadyTime now) {
  int passed = 0;
  for (int i = 0; i < tries; ++i) passed += limiter.Take(now) == RateLimiter::Verdict::kPass ? 1 : 0;
  return passed;
}

TEST(RateLimiterTest, PassesABurstAndThenTheRate) {
  const SteadyTime start;
  RateLimiter limiter(/*rate=*/50, /*burst=*/100, start);
  EXPECT_EQ(Passed(limiter, 200, start), 100);
  EXPECT_EQ(Passed(limiter, 200, start + absl::Seconds(1)), 50);
  EXPECT_EQ(Passed(limiter, 200, start + absl::Seconds(60)), 100);
}

TEST(RateLimiterTest, RefillsNothingWhenTheClockGoesBack) {
  const SteadyTime start = SteadyTime() + absl::Hours(1);
  RateLimiter limiter(50, 100, start);
  EXPECT_EQ(Passed(limiter, 100, start), 100);
  EXPECT_EQ(Passed(limiter, 10, start - absl::Minutes(1)), 0);
  EXPECT_EQ(Passed(limiter, 10, start), 0);
}

TEST(RateLimiterTest, ForgivesWhatCameWhileTheServerStoodStill) {
  const SteadyTime start;
  RateLimiter limiter(50, 100, start);
  EXPECT_EQ(Passed(limiter, 200, start), 100);
  // It stood for 30 s, and finds what a client sent at its rate; once.
  limiter.Forgive(absl::Seconds(30));
  const SteadyTime now = start + absl::Seconds(30);
  EXPECT_EQ(Passed(limiter, 5000, now), 1500);
  EXPECT_EQ(Passed(limiter, 5000, now + absl::Seconds(1)), 50);
  EXPECT_EQ(Passed(limiter, 5000, now + absl::Seconds(60)), 100);
}

TEST(RateLimiterTest, KeepsWhatIsBeyondTheBurstUntilItIsUsed) {
  const SteadyTime start;
  RateLimiter limiter(50, 100, start);
  limiter.Forgive(absl::Seconds(2));
  EXPECT_EQ(Passed(limiter, 50, start + absl::Seconds(1)), 50);
  EXPECT_EQ(Passed(limiter, 500, start + absl::Seconds(2)), 150);
}

TEST(RateLimiterTest, ARateOfZeroLimitsNothing) {
  RateLimiter limiter(0, 0, SteadyTime());
  EXPECT_EQ(Passed(limiter, 1000, SteadyTime()), 1000);
}

TEST(RateLimiterTest, ChargesForEach16KiBMore) {
  const SteadyTime start;
  RateLimiter limiter(/*rate=*/50, /*burst=*/100, start);
  EXPECT_EQ(limiter.Take(start, 16 * 1024 - 1), RateLimiter::Verdict::kPass);
  EXPECT_EQ(Passed(limiter, 200, start), 99);
  // What is owed is paid before the next passes.
  const SteadyTime later = start + absl::Seconds(60);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(limiter.Take(later, 65'536), RateLimiter::Verdict::kPass);
  EXPECT_EQ(limiter.Take(later), RateLimiter::Verdict::kRefuse);
}

TEST(RateLimiterTest, RefusesAsManyAsPassAndThenAsksForAPause) {
  const SteadyTime start;
  RateLimiter limiter(/*rate=*/50, /*burst=*/100, start);
  for (int i = 0; i < 199; ++i) {
    EXPECT_EQ(limiter.Take(start), i < 100 ? RateLimiter::Verdict::kPass : RateLimiter::Verdict::kRefuse);
    EXPECT_EQ(limiter.Pause(), absl::ZeroDuration());
  }
  EXPECT_EQ(limiter.Take(start), RateLimiter::Verdict::kRefuse);
  EXPECT_EQ(limiter.Pause(), absl::Milliseconds(20));
}

// Sends `per_second` for so many seconds, but not while there is a pause. The verdict on the last.
RateLimiter::Verdict Flood(RateLimiter& limiter, int per_second, int seconds, SteadyTime start) {
  RateLimiter::Verdict verdict = RateLimiter::Verdict::kPass;
  SteadyTime next;
  for (int i = 0; i < per_second * seconds; ++i) {
    const SteadyTime now = start + absl::Seconds(1) * i / per_second;
    if (now < next) continue;
    verdict = limiter.Take(now);
    if (verdict == RateLimiter::Verdict::kClose) return verdict;
    next = now + limiter.Pause();
  }
  return verdict;
}

TEST(RateLimiterTest, ClosesWhoSendsMoreThanIsRefusedForTenSeconds) {
  const SteadyTime start;
  RateLimiter limiter(50, 100, start);
  EXPECT_NE(Flood(limiter, 1000, 9, start), RateLimiter::Verdict::kClose);
  EXPECT_EQ(Flood(limiter, 1000, 2, start + absl::Seconds(9)), RateLimiter::Verdict::kClose);
}

TEST(RateLimiterTest, BearsWithWhoSendsALittleTooMuchOrTooMuchForAWhile) {
  const SteadyTime start;
  RateLimiter a_little(50, 100, start);
  EXPECT_NE(Flood(a_little, 90, 600, start), RateLimiter::Verdict::kClose);
  RateLimiter for_a_while(50, 100, start);
  for (int i = 0; i < 20; ++i) {
    EXPECT_NE(Flood(for_a_while, 1000, 8, start + i * absl::Seconds(12)), RateLimiter::Verdict::kClose);
  }
  RateLimiter small(1, 1, start);
  EXPECT_NE(Flood(small, 2, 600, start), RateLimiter::Verdict::kClose);
}

}  // namespace
}  // namespace atrium
