#include "server/live/authoring/attempt_limiter.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace atrium {
namespace {

constexpr SteadyTime kStart;

TEST(AttemptLimiterTest, AKeyHasSoManyAttemptsInAnyWindow) {
  AttemptLimiter attempts(3, absl::Minutes(1), 100);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(attempts.Wait("a", kStart + absl::Seconds(10 * i)), absl::ZeroDuration());
    attempts.Add("a", kStart + absl::Seconds(10 * i));
  }
  EXPECT_EQ(attempts.Wait("a", kStart + absl::Seconds(20)), absl::Seconds(40));
  EXPECT_EQ(attempts.Wait("b", kStart + absl::Seconds(20)), absl::ZeroDuration());
  // The first is a minute old, the second is not.
  EXPECT_EQ(attempts.Wait("a", kStart + absl::Seconds(60)), absl::ZeroDuration());
  attempts.Add("a", kStart + absl::Seconds(60));
  EXPECT_EQ(attempts.Wait("a", kStart + absl::Seconds(60)), absl::Seconds(10));
}

TEST(AttemptLimiterTest, AnAttemptCanBeTakenBack) {
  AttemptLimiter attempts(1, absl::Minutes(1), 100);
  attempts.Add("a", kStart);
  EXPECT_GT(attempts.Wait("a", kStart), absl::ZeroDuration());
  attempts.TakeBack("a", kStart);
  EXPECT_EQ(attempts.Wait("a", kStart), absl::ZeroDuration());
  attempts.TakeBack("nobody", kStart);
  EXPECT_EQ(attempts.size(), 0u);
}

TEST(AttemptLimiterTest, AFullTableLetsNobodyNewInUntilTimeHasPassed) {
  AttemptLimiter attempts(3, absl::Minutes(1), 10);
  for (int i = 0; i < 10; ++i) attempts.Add(absl::StrCat(i), kStart);
  EXPECT_EQ(attempts.Wait("new", kStart), absl::Minutes(1));
  EXPECT_EQ(attempts.Wait("0", kStart), absl::ZeroDuration());
  EXPECT_EQ(attempts.Wait("new", kStart + absl::Minutes(1)), absl::ZeroDuration());
  EXPECT_EQ(attempts.size(), 0u);
}

}  // namespace
}  // namespace atrium
