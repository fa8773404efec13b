#include "server/live/shards/turn_budget.h"

#include <gtest/gtest.h>

namespace atrium {
namespace {

TurnBudget::Clock::time_point now;
int looks = 0;

TurnBudget::Clock::time_point Now() {
  ++looks;
  return now;
}

class TurnBudgetTest : public ::testing::Test {
 protected:
  TurnBudgetTest() {
    looks = 0;
    budget_.BeginTurn();
    budget_.BeginSocket();
  }
  TurnBudget budget_{Now};
};

TEST_F(TurnBudgetTest, ASocketHasItsShareAndThenTheNext) {
  int64_t done = 0;
  while (budget_.Spend(1000)) done += 1000;
  EXPECT_GT(done, TurnBudget::kSocketWork - 3000);
  EXPECT_FALSE(budget_.time_up());
  budget_.BeginSocket();
  EXPECT_TRUE(budget_.Spend(1000));
}

TEST_F(TurnBudgetTest, EndsTheTurnOfAllWhenTheTimeIsUp) {
  EXPECT_TRUE(budget_.Spend(TurnBudget::kWorkPerLook));
  now += TurnBudget::kTime;
  EXPECT_TRUE(budget_.Spend(100)) << "no look at the clock for so little";
  EXPECT_FALSE(budget_.Spend(TurnBudget::kWorkPerLook));
  budget_.BeginSocket();
  EXPECT_TRUE(budget_.time_up());
  EXPECT_FALSE(budget_.Spend(1));
  budget_.BeginTurn();
  budget_.BeginSocket();
  EXPECT_TRUE(budget_.Spend(1));
}

TEST_F(TurnBudgetTest, ManySocketsWithLittleToDoLookAtTheClockNowAndThen) {
  for (int i = 0; i < 320; ++i) {
    budget_.BeginSocket();
    budget_.Spend(TurnBudget::kPerMessage);
  }
  EXPECT_GE(looks, 15);
  EXPECT_LE(looks, 25);
}

TEST_F(TurnBudgetTest, AQuietTurnDoesNotLookAtTheClock) {
  budget_.Spend(TurnBudget::kPerMessage);
  EXPECT_EQ(looks, 0);
}

}  // namespace
}  // namespace atrium
