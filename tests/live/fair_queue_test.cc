#include "server/live/shards/fair_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace atrium {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

class FairQueueTest : public ::testing::Test {
 protected:
  // "a1x": of address a, session 1.
  std::optional<std::string> Push(const std::string& item) {
    return queue_.Push({.address = item.substr(0, 1), .session = static_cast<uint64_t>(item[1])}, item);
  }
  void PushAll(const std::vector<std::string>& items) {
    for (const std::string& item : items) EXPECT_EQ(Push(item), std::nullopt);
  }
  std::vector<std::string> PopAll() {
    std::vector<std::string> items;
    while (std::optional<std::string> item = queue_.Pop()) items.push_back(*std::move(item));
    EXPECT_TRUE(queue_.empty());
    return items;
  }

  FairQueue<std::string> queue_{8};
};

TEST_F(FairQueueTest, KeepsTheOrderOfOne) {
  PushAll({"a1x", "a1y", "a1z"});
  EXPECT_THAT(PopAll(), ElementsAre("a1x", "a1y", "a1z"));
  EXPECT_EQ(queue_.Pop(), std::nullopt);
}

TEST_F(FairQueueTest, AddressesTakeTurnsAndTheirSessions) {
  PushAll({"a1w", "a1x", "a2w", "a3w", "b1w", "b1x", "c1w"});
  EXPECT_THAT(PopAll(), ElementsAre("a1w", "b1w", "c1w", "a2w", "b1x", "a3w", "a1x"));
}

TEST_F(FairQueueTest, WhoComesBackStandsBehindThoseWhoWait) {
  PushAll({"a1w", "b1w", "c1w"});
  EXPECT_EQ(queue_.Pop(), "a1w");
  PushAll({"a1x", "a2w"});
  EXPECT_EQ(queue_.Pop(), "b1w");
  PushAll({"b1x"});
  EXPECT_THAT(PopAll(), ElementsAre("c1w", "a1x", "b1x", "a2w"));
}

TEST_F(FairQueueTest, IfThereAreTooManyTheOneWithMostLosesItsNewest) {
  PushAll({"a1s", "a1t", "a1u", "a2s", "b1s", "b1t", "b2s", "c1s"});
  EXPECT_EQ(Push("d1s"), "a1u") << "of the first address with most of all, its session with most";
  EXPECT_EQ(queue_.size(), 8u);
  EXPECT_EQ(Push("b2t"), "b2t") << "its own: nobody has more";
  EXPECT_EQ(Push("e1s"), "b1t");
  EXPECT_THAT(PopAll(), ElementsAre("a1s", "b1s", "c1s", "d1s", "e1s", "a2s", "b2s", "a1t"));
}

TEST_F(FairQueueTest, OneThatFloodsItKeepsNobodyOut) {
  for (int i = 0; i < 8; ++i) Push(absl::StrCat("a", i % 4, i));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(Push(absl::StrCat("a", i % 4, i)).has_value());
  EXPECT_NE(Push("b1x"), "b1x");
  EXPECT_NE(Push("a9x"), "a9x");
  std::vector<std::string> first;
  for (int i = 0; i < 2; ++i) first.push_back(*queue_.Pop());
  EXPECT_THAT(first, ::testing::Contains("b1x"));
}

}  // namespace
}  // namespace atrium
