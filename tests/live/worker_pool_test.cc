#include "server/live/worker_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

#include "tests/support/eventually.h"

namespace atrium {
namespace {

TEST(WorkerPoolTest, RunsWorkOnThreadsOfItsOwn) {
  std::latch both(2);
  std::thread::id ran_on;
  WorkerPool pool(2, 8);
  // Each waits for the other: there are two threads.
  ASSERT_TRUE(pool.Submit([&] {
                    ran_on = std::this_thread::get_id();
                    both.arrive_and_wait();
                  })
                  .ok());
  ASSERT_TRUE(pool.Submit([&] { both.arrive_and_wait(); }).ok());
  both.wait();
  EXPECT_NE(ran_on, std::this_thread::get_id());
  EXPECT_TRUE(Eventually([&] { return pool.counts().done == 2; }));
}

TEST(WorkerPoolTest, RefusesWhatItHasNoPlaceFor) {
  std::latch started(1), go(1);
  std::atomic<int> ran{0};
  // Last: it does what it has taken before it goes.
  WorkerPool pool(1, 2);
  ASSERT_TRUE(pool.Submit([&] {
                    started.count_down();
                    go.wait();
                  })
                  .ok());
  started.wait();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(pool.Submit([&] { ++ran; }).ok());
  const absl::Status refused = pool.Submit([&] { ran += 100; });
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(refused.message(), "The server is busy, try again");
  EXPECT_EQ(pool.counts().queued, 2);
  EXPECT_EQ(pool.counts().refused, 1);
  go.count_down();
  EXPECT_TRUE(Eventually([&] { return pool.counts().done == 3; }));
  EXPECT_EQ(ran, 2);
  EXPECT_TRUE(pool.Submit([&] { ++ran; }).ok());
}

TEST(WorkerPoolTest, ShutdownDoesWhatWasTakenAndTakesNothingMore) {
  std::latch go(1);
  std::atomic<int> ran{0};
  WorkerPool pool(1, 100);
  ASSERT_TRUE(pool.Submit([&] { go.wait(); }).ok());
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(pool.Submit([&] { ++ran; }).ok());
  go.count_down();
  pool.Shutdown();
  EXPECT_EQ(ran, 50);
  EXPECT_EQ(pool.Submit([&] { ++ran; }).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ran, 50);
}

}  // namespace
}  // namespace atrium
