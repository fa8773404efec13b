// How long a pong may take behind what the kernel still has for a client.
#include "server/session/pong_wait.h"

#include <gtest/gtest.h>

#include "tests/session/session_world.h"

namespace atrium {
namespace {

using testing::SessionWorld;
using Client = SessionWorld::Client;

constexpr absl::Duration kAllowed = absl::Seconds(8);
constexpr SteadyTime kStart{};

SteadyTime After(double seconds) { return kStart + absl::Seconds(seconds); }

TEST(PongWaitTest, LastsAsLongAsAllowedIfNothingStandsBeforeThePing) {
  PongWait wait(kStart, /*queued=*/2, /*untaken=*/0);
  wait.Wrote(2, kStart);
  EXPECT_FALSE(wait.IsOver(After(7.9), kAllowed));
  wait.Took(After(8), 0);
  EXPECT_TRUE(wait.IsOver(After(8), kAllowed)) << "the ping itself excuses nothing";
}

TEST(PongWaitTest, BeginsWhenThePingIsWritten) {
  PongWait wait(kStart, /*queued=*/1000, /*untaken=*/0);
  wait.Wrote(500, After(5));
  wait.Wrote(600, After(10));
  wait.Wrote(600, After(15));
  EXPECT_FALSE(wait.IsOver(After(17.9), kAllowed));
  EXPECT_TRUE(wait.IsOver(After(18), kAllowed));
}

TEST(PongWaitTest, StandsStillForWhoReadsFastEnough) {
  PongWait wait(kStart, /*queued=*/2, /*untaken=*/2'000'000);
  wait.Wrote(2, kStart);
  wait.Took(After(8), 2'000'000 - 8 * 65'536);
  EXPECT_FALSE(wait.IsOver(After(15.9), kAllowed));
  EXPECT_TRUE(wait.IsOver(After(16), kAllowed));
}

TEST(PongWaitTest, IsNotLongerThanAllowedForWhoHasReadFaster) {
  PongWait wait(kStart, /*queued=*/2, /*untaken=*/100'000'000);
  wait.Wrote(2, kStart);
  wait.Took(After(8), 0);
  EXPECT_TRUE(wait.IsOver(After(16), kAllowed));
}

TEST(PongWaitTest, GoesOnMoreSlowlyForASlowReader) {
  PongWait wait(kStart, /*queued=*/2, /*untaken=*/2'000'000);
  wait.Wrote(2, kStart);
  wait.Took(After(8), 2'000'000 - 2 * 65'536);
  EXPECT_FALSE(wait.IsOver(After(9.9), kAllowed));
  wait.Took(After(10), 2'000'000 - 2 * 65'536);
  EXPECT_TRUE(wait.IsOver(After(10.1), kAllowed));
}

TEST(PongWaitTest, CountsWhatIsTakenWhileThePingIsQueued) {
  PongWait wait(kStart, /*queued=*/300'002, /*untaken=*/2'000'000);
  wait.Took(After(8), 1'400'000);
  EXPECT_FALSE(wait.IsOver(After(15.9), kAllowed));
}

TEST(PongWaitTest, SeesThroughWhatIsWrittenBehindThePing) {
  PongWait wait(kStart, /*queued=*/2, /*untaken=*/1'000'000);
  wait.Wrote(2, kStart);
  wait.Wrote(800'000, After(4));
  // 800,000 of the old bytes are gone, and as many new ones have come.
  wait.Took(After(8), 1'000'002);
  EXPECT_FALSE(wait.IsOver(After(15.9), kAllowed));
}

TEST(PongWaitTest, DoesNotCountWhatIsTakenBehindThePing) {
  PongWait wait(kStart, /*queued=*/2, /*untaken=*/0);
  wait.Wrote(2, kStart);
  wait.Wrote(1'000'000, After(1));
  wait.Took(After(7), 900'000);
  wait.Took(After(8), 0);
  EXPECT_TRUE(wait.IsOver(After(8), kAllowed));
}

// A client that is pinged while 3 MB wait for it in the kernel.
class PongTest : public ::testing::Test {
 protected:
  static constexpr size_t kWaiting = 3'000'000;

  PongTest() {
    world_.StartHubs();
    ana_.set_untaken(kWaiting);
    world_.Advance(absl::Seconds(25));
  }
  void Take(size_t bytes) { ana_.set_untaken(left_ -= bytes); }
  void Pass(double seconds) { world_.Advance(absl::Seconds(seconds)); }
  uint32_t code() const { return ana_.frames().back().goodbye().code(); }

  SessionWorld world_{RoomRegistry()};
  Client& ana_ = world_.Connect("ana", 0);
  size_t left_ = kWaiting;
};

TEST_F(PongTest, MayComeLateFromWhoReadsAllTheTime) {
  for (int second = 0; second < 29; ++second) {
    Take(100'000);
    Pass(1);
    ASSERT_EQ(code(), 0u) << second;
  }
  ana_.Sign();
  Pass(24);
  EXPECT_EQ(code(), 0u);
}

TEST_F(PongTest, MayNotComeLateFromWhoTakesNothing) {
  Pass(7.5);
  EXPECT_EQ(code(), 0u);
  Pass(1);
  EXPECT_EQ(code(), 3012u);
}

TEST_F(PongTest, IsNotWaitedForWhenReadingStops) {
  for (int second = 0; second < 20; ++second) {
    Take(100'000);
    Pass(1);
  }
  ASSERT_EQ(code(), 0u);
  // Twice the time, and a second for looking.
  Pass(17);
  EXPECT_EQ(code(), 3012u);
}

TEST_F(PongTest, IsNotWaitedForIfReadingIsTooSlow) {
  for (int second = 0; second < 15; ++second) {
    Take(20'000);
    Pass(1);
  }
  EXPECT_EQ(code(), 3012u);
}

TEST_F(PongTest, IsDueWhenAllBeforeThePingIsTaken) {
  for (int second = 0; second < 10; ++second) {
    Take(kWaiting / 10);
    Pass(1);
  }
  ASSERT_EQ(code(), 0u);
  Pass(17);
  EXPECT_EQ(code(), 3012u);
}

}  // namespace
}  // namespace atrium
