#pragma once

#include <boost/asio/io_context.hpp>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/time/time.h"
#include "server/live/shard.h"

namespace atrium::testing {

// Shards without threads, under a virtual clock: a test posts, runs what there is to run, and lets time pass. One
// thread.
class ManualShards {
 public:
  explicit ManualShards(int count) {
    for (int i = 0; i < count; ++i) shards_.push_back(std::make_unique<ManualShard>(i, *this));
  }

  Shard& operator[](int i) { return *shards_[i]; }

  std::vector<Shard*> All() {
    std::vector<Shard*> all;
    for (const auto& shard : shards_) all.push_back(shard.get());
    return all;
  }

  // Runs everything that is posted, and what that posts, on all shards.
  void Run() {
    bool ran = true;
    while (ran) {
      ran = false;
      for (const auto& shard : shards_) ran |= shard->RunSome();
    }
  }

  // Lets `duration` pass; timers run at their time, in order.
  void Advance(absl::Duration duration) {
    const absl::Time end = now_ + duration;
    Run();
    while (!timers_.empty() && timers_.begin()->first.first <= end) {
      auto timer = timers_.begin();
      now_ = timer->first.first;
      Shard::Task task = std::move(timer->second);
      timers_.erase(timer);
      task();
      Run();
    }
    now_ = end;
  }

 private:
  class ManualShard final : public Shard {
   public:
    ManualShard(int index, ManualShards& all) : index_(index), all_(all) {}

    int index() const override { return index_; }
    void Post(Task task) override { tasks_.push_back(std::move(task)); }
    void AtTurnEnd(Task task) override { at_turn_end_.push_back(std::move(task)); }
    absl::Time Now() const override { return all_.now_; }
    TimerId After(absl::Duration delay, Task task) override {
      const TimerId id = ++all_.last_timer_;
      all_.timers_.emplace(std::pair(all_.now_ + delay, id), std::move(task));
      return id;
    }
    void Cancel(TimerId timer) override {
      for (auto it = all_.timers_.begin(); it != all_.timers_.end(); ++it) {
        if (it->first.second != timer) continue;
        all_.timers_.erase(it);
        return;
      }
    }
    boost::asio::any_io_executor executor() override { return io_.get_executor(); }

    bool RunSome() {
      io_.restart();
      bool ran = io_.poll() > 0;
      while (!tasks_.empty()) {
        Task task = std::move(tasks_.front());
        tasks_.pop_front();
        task();
        ran = true;
      }
      for (Task& task : std::exchange(at_turn_end_, {})) {
        task();
        ran = true;
      }
      return ran;
    }

   private:
    const int index_;
    ManualShards& all_;
    boost::asio::io_context io_;
    std::deque<Task> tasks_;
    std::vector<Task> at_turn_end_;
  };

  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  Shard::TimerId last_timer_ = 0;
  absl::btree_map<std::pair<absl::Time, Shard::TimerId>, Shard::Task> timers_;
  std::vector<std::unique_ptr<ManualShard>> shards_;
};

}  // namespace atrium::testing
