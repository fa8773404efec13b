#include "server/live/shards/io_shard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <chrono>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <vector>

namespace atrium {
namespace {

constexpr std::chrono::seconds kDeadline(10);

TEST(IoShardTest, KnowsItsThread) {
  IoShard shard(0);
  EXPECT_TRUE(shard.IsCurrent()) << "it has none yet";
  shard.Start();
  std::promise<bool> there;
  shard.Post([&] { there.set_value(shard.IsCurrent()); });
  EXPECT_TRUE(there.get_future().get());
  EXPECT_FALSE(shard.IsCurrent());
  shard.Stop();
  EXPECT_TRUE(shard.IsCurrent()) << "it has none any more";
}

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
      order.emplace_back("end");
      done.set_value();
    });
    shard.Post([&] { order.emplace_back("inner"); });
    order.emplace_back("outer");
  });
  ASSERT_EQ(done.get_future().wait_for(kDeadline), std::future_status::ready);
  EXPECT_EQ(order, (std::vector<std::string>{"outer", "inner", "end"}));
}

TEST(IoShardTest, TasksOfItsOwnDoNotHoldUpTheRest) {
  std::promise<void> done;
  std::atomic<bool> stop = false;
  std::function<void()> again;
  IoShard shard(0);
  again = [&] {
    if (!stop) shard.Post(again);
  };
  shard.Start();
  shard.Post([&] {
    again();
    // Each would wait for ever behind tasks that post themselves.
    shard.AtTurnEnd(
        [&] { shard.After(absl::ZeroDuration(), [&] { boost::asio::post(shard.io(), [&] { done.set_value(); }); }); });
  });
  EXPECT_EQ(done.get_future().wait_for(kDeadline), std::future_status::ready);
  stop = true;
  shard.Stop();
}

TEST(IoShardTest, HandlersOfAsioDoNotHoldUpTasks) {
  constexpr int kHandlers = 100;
  int handled = 0;
  std::promise<int> handled_before;
  // Its handlers use what is above.
  IoShard shard(0);
  for (int i = 0; i < kHandlers; ++i) {
    boost::asio::post(shard.io(), [&] {
      ++handled;
      const auto end = std::chrono::steady_clock::now() + 2 * TurnBudget::kTime;
      while (std::chrono::steady_clock::now() < end) {
      }
    });
  }
  shard.Post([&] { handled_before.set_value(handled); });
  shard.Start();
  auto future = handled_before.get_future();
  ASSERT_EQ(future.wait_for(kDeadline), std::future_status::ready);
  EXPECT_LE(future.get(), 3);
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

// A crowd that arrives would only add to what those who are there wait for.
TEST(IoShardTest, WhatCanWaitDoesNotHoldUpWhatTurnsLeaveToEachOther) {
  constexpr int kTurns = 100, kCanWait = 10'000;
  int turns = 0, waited = 0, waited_before = 0;
  std::promise<void> done;
  // It is gone before what its tasks count in.
  IoShard shard(0);
  std::function<void()> next = [&] {
    for (int i = 0; turns == 0 && i < kCanWait; ++i) shard.WhenIdle([&] { ++waited; });
    if (++turns < kTurns) return shard.NextTurn(next);
    waited_before = waited;
    done.set_value();
  };
  shard.Post([&] { shard.NextTurn(next); });
  shard.Start();
  ASSERT_EQ(done.get_future().wait_for(kDeadline), std::future_status::ready);
  EXPECT_GE(waited_before, kTurns) << "it has its turn, too";
  EXPECT_LT(waited_before, kCanWait / 10);
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
      order.emplace_back("poll");
      shard.Post([&] { order.emplace_back("task"); });
      shard.AtTurnEnd([&] { order.emplace_back("end"); });
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
