#pragma once

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/random/bit_gen_ref.h"
#include "absl/random/distributions.h"
#include "absl/time/time.h"
#include "server/live/shard.h"

namespace atrium::testing {

// Shards without threads, under a virtual clock: a test posts, runs what there is to run, and lets time pass. One
// thread.
//
// Run and Advance go the way of a machine that nothing disturbs. Step takes any way that the contract of Shard leaves
// open: tasks of one poster on one shard stay in their order, everything else (shards, posters, coroutines that may go
// on, timers that are due) comes in whatever order its random source says.
class ManualShards {
 public:
  explicit ManualShards(int count) : poster_(count) {
    for (int i = 0; i < count; ++i) shards_.push_back(std::make_unique<ManualShard>(i, *this));
  }

  // Coroutines that wait to go on are destroyed where they stand; Asio posts that too.
  ~ManualShards() {
    bool dropped = true;
    while (dropped) {
      dropped = false;
      for (const auto& shard : shards_) dropped |= shard->DropResumptions();
    }
  }

  Shard& operator[](int i) { return *shards_[i]; }

  std::vector<Shard*> All() {
    std::vector<Shard*> all;
    for (const auto& shard : shards_) all.push_back(shard.get());
    return all;
  }

  absl::Time now() const { return now_; }

  // The shard that runs now.
  int current() const { return poster_; }

  // Runs everything that is posted, and what that posts, on all shards.
  void Run() {
    bool ran = true;
    while (ran) {
      ran = false;
      for (const auto& shard : shards_) ran |= shard->RunSome();
    }
  }

  // Ends the turn of one shard, whatever else it has to do.
  void EndTurn(int shard) { shards_[shard]->EndTurn(); }

  // Lets `duration` pass; timers run at their time, in order.
  void Advance(absl::Duration duration) {
    const absl::Time end = now_ + duration;
    Run();
    while (!timers_.empty() && timers_.begin()->first.first <= end) {
      now_ = timers_.begin()->first.first;
      RunTimer(timers_.begin());
      Run();
    }
    now_ = end;
  }

  // Runs one of the things that may come next; false if there is none.
  bool Step(absl::BitGenRef random) {
    std::vector<absl::AnyInvocable<void()>> choices;
    for (const auto& shard : shards_) shard->AddChoices(choices);
    for (auto it = timers_.begin(); it != timers_.end() && it->first.first <= now_; ++it) {
      choices.push_back([this, it] { RunTimer(it); });
    }
    if (choices.empty()) return false;
    choices[absl::Uniform<size_t>(random, 0, choices.size())]();
    return true;
  }

  // Lets `duration` pass; timers that are due then wait for a Step. Coroutines that may go on do so before: a hook
  // begins when it is called.
  void Pass(absl::Duration duration) {
    bool resumed = duration > absl::ZeroDuration();
    while (resumed) {
      resumed = false;
      for (const auto& shard : shards_) resumed |= shard->ResumeAll();
    }
    now_ += duration;
  }
  std::optional<absl::Time> NextTimer() const {
    if (timers_.empty()) return std::nullopt;
    return timers_.begin()->first.first;
  }

  // Runs `task` on a shard, as something that a socket brought.
  template <typename Task>
  void RunOn(int shard, Task&& task) {
    const int before = std::exchange(poster_, shard);
    std::forward<Task>(task)();
    poster_ = before;
  }

  // Runs `task` on a thread of its own that is no shard's, such as gRPC's.
  template <typename Task>
  void RunElsewhere(Task&& task) {
    RunOn(++last_thread_, std::forward<Task>(task));
  }

 private:
  // As the io_context's: `post` queues; `dispatch` does not within what the same shard resumed.
  template <typename ManualShard>
  class Executor {
   public:
    Executor(ManualShard& shard, boost::asio::any_io_executor inner) : shard_(&shard), inner_(std::move(inner)) {}

    bool operator==(const Executor& other) const noexcept { return inner_ == other.inner_; }
    bool operator!=(const Executor& other) const noexcept { return inner_ != other.inner_; }
    template <typename Property>
    auto query(const Property& property) const
        -> decltype(boost::asio::query(std::declval<const boost::asio::any_io_executor&>(), property)) {
      return boost::asio::query(inner_, property);
    }
    template <typename Property>
    auto require(const Property& property) const
        -> decltype(Executor(std::declval<ManualShard&>(),
                             boost::asio::require(std::declval<const boost::asio::any_io_executor&>(), property))) {
      return {*shard_, boost::asio::require(inner_, property)};
    }
    template <typename Property>
    auto prefer(const Property& property) const
        -> decltype(Executor(std::declval<ManualShard&>(),
                             boost::asio::prefer(std::declval<const boost::asio::any_io_executor&>(), property))) {
      return {*shard_, boost::asio::prefer(inner_, property)};
    }
    template <typename Function>
    void execute(Function&& function) const {
      namespace execution = boost::asio::execution;
      const bool at_once = boost::asio::query(inner_, execution::blocking.possibly) == execution::blocking.possibly;
      if (at_once && shard_->resuming()) return std::forward<Function>(function)();
      shard_->Resume(std::forward<Function>(function));
    }

   private:
    ManualShard* shard_;
    boost::asio::any_io_executor inner_;
  };

  class ManualShard final : public Shard {
   public:
    ManualShard(int index, ManualShards& all) : index_(index), all_(all) {}
    ~ManualShard() override { closing_ = true; }

    int index() const override { return index_; }
    void Post(Task task) override { tasks_.push_back({all_.poster_, std::move(task)}); }
    void AtTurnEnd(Task task) override { at_turn_end_.push_back(std::move(task)); }
    absl::Time Now() const override { return all_.now_; }
    TimerId After(absl::Duration delay, Task task) override {
      const TimerId id = ++all_.last_timer_;
      all_.timers_.emplace(std::pair(all_.now_ + delay, id), Timer{index_, std::move(task)});
      return id;
    }
    void Cancel(TimerId timer) override {
      for (auto it = all_.timers_.begin(); it != all_.timers_.end(); ++it) {
        if (it->first.second != timer) continue;
        all_.timers_.erase(it);
        return;
      }
    }
    boost::asio::any_io_executor executor() override {
      return Executor<ManualShard>(*this, boost::asio::any_io_executor(io_.get_executor()));
    }

    bool resuming() const { return resuming_; }
    void Resume(Task task) {
      if (!closing_) resumptions_.push_back({all_.poster_, std::move(task)});
    }

    bool DropResumptions() { return !std::exchange(resumptions_, {}).empty(); }

    bool RunSome() {
      io_.restart();
      bool ran = io_.poll() > 0;
      while (!resumptions_.empty()) ran = true, RunResumption(0);
      while (!tasks_.empty()) ran = true, RunTask(0);
      return EndTurn() || ran;
    }

    void AddChoices(std::vector<Task>& choices) {
      for (const size_t i : FirstOfEach(tasks_)) choices.push_back([this, i] { RunTask(i); });
      for (const size_t i : FirstOfEach(resumptions_)) choices.push_back([this, i] { RunResumption(i); });
      if (!at_turn_end_.empty()) choices.push_back([this] { EndTurn(); });
    }

    bool ResumeAll() {
      const bool any = !resumptions_.empty();
      while (!resumptions_.empty()) RunResumption(0);
      return any;
    }

    bool EndTurn() {
      std::vector<Task> tasks = std::exchange(at_turn_end_, {});
      for (Task& task : tasks) all_.RunOn(index_, task);
      return !tasks.empty();
    }

   private:
    struct Posted {
      int poster;
      Task task;
    };

    // The places of those that are the first of their posters.
    static std::vector<size_t> FirstOfEach(const std::deque<Posted>& queue) {
      std::vector<size_t> places;
      for (size_t i = 0; i < queue.size(); ++i) {
        const auto same = [&](size_t place) { return queue[place].poster == queue[i].poster; };
        if (std::none_of(places.begin(), places.end(), same)) places.push_back(i);
      }
      return places;
    }
    static Task Take(std::deque<Posted>& queue, size_t i) {
      Task task = std::move(queue[i].task);
      queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(i));
      return task;
    }

    void RunTask(size_t i) {
      Task task = Take(tasks_, i);
      all_.RunOn(index_, task);
    }
    void RunResumption(size_t i) {
      Task task = Take(resumptions_, i);
      resuming_ = true;
      all_.RunOn(index_, task);
      resuming_ = false;
    }
    const int index_;
    ManualShards& all_;
    // For the timers and sockets of Asio itself, where a test has any.
    boost::asio::io_context io_;
    std::deque<Posted> tasks_, resumptions_;
    std::vector<Task> at_turn_end_;
    bool resuming_ = false;
    // What Asio posts for coroutines that wait in io_ when that goes is dropped.
    bool closing_ = false;
  };

  struct Timer {
    int shard;
    Shard::Task task;
  };
  using Timers = absl::btree_map<std::pair<absl::Time, Shard::TimerId>, Timer>;

  void RunTimer(Timers::iterator it) {
    Timer timer = std::move(it->second);
    timers_.erase(it);
    RunOn(timer.shard, timer.task);
  }

  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  Shard::TimerId last_timer_ = 0;
  // Who posts now: a shard, or a thread that is none.
  int poster_;
  int last_thread_ = 1000;
  Timers timers_;
  std::vector<std::unique_ptr<ManualShard>> shards_;
};

}  // namespace atrium::testing
