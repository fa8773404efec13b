#include "server/live/shards/worker_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <utility>

#include "tests/support/eventually.h"

namespace atrium {
namespace {

// Work of one share, which counts itself if it is done and tells `fate` if it is not.
Workers::Work Counting(std::atomic<int>& ran, absl::Status* fate = nullptr) {
  return {.run = [&ran, fate](const absl::Status& told) {
    if (fate != nullptr) *fate = told;
    if (told.ok()) ++ran;
  }};
}
Workers::Work Doing(absl::AnyInvocable<void()> work) {
  return {.run = [work = std::move(work)](const absl::Status&) mutable { work(); }};
}

TEST(WorkerPoolTest, RunsWorkOnThreadsOfItsOwn) {
  std::latch both(2);
  std::thread::id ran_on;
  WorkerPool pool(2, 8);
  // Each waits for the other: there are two threads.
  pool.Submit(Doing([&] {
    ran_on = std::this_thread::get_id();
    both.arrive_and_wait();
  }));
  pool.Submit(Doing([&] { both.arrive_and_wait(); }));
  both.wait();
  EXPECT_NE(ran_on, std::this_thread::get_id());
  EXPECT_TRUE(Eventually([&] { return pool.counts().done == 2; }));
}

TEST(WorkerPoolTest, RefusesWhatItHasNoPlaceFor) {
  std::latch started(1), go(1);
  std::atomic<int> ran{0};
  // Last: it does what it has taken before it goes.
  WorkerPool pool(1, 2);
  pool.Submit(Doing([&] {
    started.count_down();
    go.wait();
  }));
  started.wait();
  for (int i = 0; i < 2; ++i) pool.Submit(Counting(ran));
  absl::Status refused;
  pool.Submit(Counting(ran, &refused));
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(refused.message(), "The server is busy, try again");
  EXPECT_EQ(pool.counts().queued, 2);
  EXPECT_EQ(pool.counts().refused, 1);
  go.count_down();
  EXPECT_TRUE(Eventually([&] { return pool.counts().done == 3; }));
  EXPECT_EQ(ran, 2);
  pool.Submit(Counting(ran));
  EXPECT_TRUE(Eventually([&] { return ran == 3; }));
}

TEST(WorkerPoolTest, SharesTakeTurnsAndWhatIsLateIsDropped) {
  std::latch started(1), go(1);
  std::atomic<int> ran{0};
  std::string order;
  absl::Status late;
  WorkerPool pool(1, 4);
  pool.Submit(Doing([&] {
    started.count_down();
    go.wait();
  }));
  started.wait();
  const auto named = [&](const std::string& address) {
    return Workers::Work{.run =
                             [&order, address](const absl::Status& fate) {
                               if (fate.ok()) order += address;
                             },
                         .share = {.address = address}};
  };
  for (const char* address : {"a", "a", "a"}) pool.Submit(named(address));
  Workers::Work too_late = Counting(ran, &late);
  too_late.within = absl::Nanoseconds(1);
  too_late.share = {.address = "c"};
  pool.Submit(std::move(too_late));
  // Too many: of those of a, one has to go.
  pool.Submit(named("b"));
  go.count_down();
  EXPECT_TRUE(Eventually([&] { return pool.counts().done == 4; }));
  EXPECT_EQ(order, "aba");
  EXPECT_EQ(late, WorkTooLate());
  EXPECT_EQ(ran, 0);
  EXPECT_EQ(pool.counts().late, 1);
  EXPECT_EQ(pool.counts().refused, 1);
}

TEST(WorkerPoolTest, ShutdownDoesWhatWasTakenAndTakesNothingMore) {
  std::latch go(1);
  std::atomic<int> ran{0};
  WorkerPool pool(1, 100);
  pool.Submit(Doing([&] { go.wait(); }));
  for (int i = 0; i < 50; ++i) pool.Submit(Counting(ran));
  go.count_down();
  pool.Shutdown();
  EXPECT_EQ(ran, 50);
  absl::Status refused;
  pool.Submit(Counting(ran, &refused));
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ran, 50);
}

}  // namespace
}  // namespace atrium
