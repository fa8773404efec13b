#include "server/live/io_shard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <future>
#include <string>
#include <thread>
#include <vector>

namespace atrium {
namespace {

constexpr std::chrono::seconds kDeadline(10);

TEST(IoShardTest, RunsWhatEachThreadPostsInItsOrder) {
  IoShard shard(0);
  shard.Start();
  constexpr int kThreads = 4, kPosts = 10'000;
  std::vector<std::vector<int>> seen(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kPosts; ++i) shard.Post([&, t, i] { seen[t].push_back(i); });
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::promise<void> done;
  shard.Post([&] { done.set_value(); });
  ASSERT_EQ(done.get_future().wait_for(kDeadline), std::future_status::ready);
  for (const std::vector<int>& order : seen) {
    ASSERT_EQ(order.size(), static_cast<size_t>(kPosts));
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  }
}

TEST(IoShardTest, ATaskPostedByATaskRunsBehindItAndBeforeTheTurnEnds) {
  IoShard shard(0);
  shard.Start();
  std::vector<std::string> order;
  std::promise<void> done;
  shard.Post([&] {
    shard.AtTurnEnd([&] {
      order.push_back("end");
      done.set_value();
    });
    shard.Post([&] { order.push_back("inner"); });
    order.push_back("outer");
  });
  ASSERT_EQ(done.get_future().wait_for(kDeadline), std::future_status::ready);
  EXPECT_EQ(order, (std::vector<std::string>{"outer", "inner", "end"}));
}

TEST(IoShardTest, WhatCanWaitDoesNotHoldUpSocketsThatHaveMoreToDo) {
  IoShard shard(0);
  constexpr int kHandlers = 10'000, kCanWait = 10'000;
  int handled = 0, waited = 0, waited_before = 0;
  std::promise<void> done;
  for (int i = 0; i < kHandlers; ++i) {
    boost::asio::post(shard.io(), [&] {
      if (++handled == kHandlers) waited_before = waited;
    });
  }
  std::vector<int> order;
  for (int i = 0; i < kCanWait; ++i) {
    shard.WhenIdle([&, i] {
      order.push_back(i);
      if (++waited == kCanWait) done.set_value();
    });
  }
  shard.Start();
  ASSERT_EQ(done.get_future().wait_for(kDeadline), std::future_status::ready);
  EXPECT_GT(waited_before, 0) << "it has its turn, too";
  EXPECT_LT(waited_before, kCanWait / 10);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(IoShardTest, WhatCanWaitRunsAtOnceWhenThereIsNothingElse) {
  IoShard shard(0);
  shard.Start();
  std::promise<void> done;
  shard.Post([&] { shard.WhenIdle([&] { shard.WhenIdle([&] { done.set_value(); }); }); });
  EXPECT_EQ(done.get_future().wait_for(kDeadline), std::future_status::ready);
}

TEST(IoShardTest, PollsOnceInEachTurnAndSleepsOnlyWhenThereIsNothingLeft) {
  IoShard shard(0);
  shard.Start();
  std::vector<std::string> order;
  std::promise<void> done;
  shard.Post([&] {
    shard.Poll([&, polls = 0]() mutable {
      order.push_back("poll");
      shard.Post([&] { order.push_back("task"); });
      shard.AtTurnEnd([&] { order.push_back("end"); });
      return ++polls < 2;
    });
    shard.After(absl::Milliseconds(50), [&] { done.set_value(); });
  });
  ASSERT_EQ(done.get_future().wait_for(kDeadline), std::future_status::ready);
  EXPECT_EQ(order, (std::vector<std::string>{"poll", "task", "end", "poll", "task", "end"}));
}

TEST(IoShardTest, TimersRunInTheirOrderUnlessCancelled) {
  IoShard shard(0);
  shard.Start();
  std::vector<int> order;
  std::promise<void> done;
  shard.Post([&] {
    shard.After(absl::Milliseconds(20), [&] {
      order.push_back(2);
      done.set_value();
    });
    const Shard::TimerId cancelled = shard.After(absl::Milliseconds(5), [&] { order.push_back(0); });
    shard.After(absl::Milliseconds(10), [&] { order.push_back(1); });
    shard.Cancel(cancelled);
  });
  ASSERT_EQ(done.get_future().wait_for(kDeadline), std::future_status::ready);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

}  // namespace
}  // namespace atrium
