#include "server/common/fifo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>

namespace atrium {
namespace {

TEST(FifoTest, GivesWhatItWasGivenInItsOrder) {
  Fifo<int> fifo;
  std::deque<int> model;
  for (int i = 0; i < 10'000; ++i) {
    // It grows, and then runs empty, over and over.
    if (model.empty() || i % 1000 < 600) {
      fifo.push_back(i);
      model.push_back(i);
    } else {
      ASSERT_EQ(fifo.front(), model.front());
      fifo.pop_front();
      model.pop_front();
      if (!model.empty()) fifo.pop_front(), model.pop_front();
    }
    ASSERT_EQ(fifo.size(), model.size());
    ASSERT_EQ(fifo.empty(), model.empty());
  }
  EXPECT_THAT(std::vector<int>(fifo.begin(), fifo.end()), ::testing::ElementsAreArray(model));
}

TEST(FifoTest, LetsGoOfWhatIsTaken) {
  Fifo<std::shared_ptr<int>> fifo;
  const auto item = std::make_shared<int>(1);
  fifo.push_back(item);
  fifo.push_back(nullptr);
  fifo.pop_front();
  EXPECT_EQ(item.use_count(), 1);
}

}  // namespace
}  // namespace atrium
