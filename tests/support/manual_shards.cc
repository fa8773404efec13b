#include "tests/support/manual_shards.h"

#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>
#include <deque>

#include "absl/random/distributions.h"

namespace atrium::testing {

class ManualShards::ManualShard final : public Shard {
 public:
  ManualShard(int index, ManualShards& all) : index_(index), all_(all) {}
  ~ManualShard() override { closing_ = true; }

  int index() const override { return index_; }
  // What the test does itself, it may do on any.
  bool IsCurrent() const override {
    return all_.poster_ == index_ || all_.poster_ == static_cast<int>(all_.shards_.size());
  }
  void Post(Task task) override { tasks_.push_back({all_.poster_, std::move(task)}); }
  void AtTurnEnd(Task task) override { at_turn_end_.push_back(std::move(task)); }
  absl::Time Now() const override { return all_.now(); }
  SteadyTime Steady() const override { return all_.steady_; }
  TimerId After(absl::Duration delay, Task task) override {
    const TimerId id = ++all_.last_timer_;
    all_.timers_.emplace(std::pair(all_.steady_ + delay, id), Timer{index_, std::move(task)});
    return id;
  }
  void Cancel(TimerId timer) override {
    for (auto it = all_.timers_.begin(); it != all_.timers_.end(); ++it) {
      if (it->first.second != timer) continue;
      all_.timers_.erase(it);
      return;
    }
  }
  boost::asio::any_io_executor executor() override;

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
    for (const size_t i : FirstOfEach(tasks_)) choices.emplace_back([this, i] { RunTask(i); });
    for (const size_t i : FirstOfEach(resumptions_)) choices.emplace_back([this, i] { RunResumption(i); });
    if (!at_turn_end_.empty()) choices.emplace_back([this] { EndTurn(); });
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

// As the io_context's: `post` queues; `dispatch` does not within what the same shard resumed.
class ManualShards::Executor {
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

boost::asio::any_io_executor ManualShards::ManualShard::executor() {
  return Executor(*this, boost::asio::any_io_executor(io_.get_executor()));
}

ManualShards::ManualShards(int count) : poster_(count) {
  for (int i = 0; i < count; ++i) shards_.push_back(std::make_unique<ManualShard>(i, *this));
}

ManualShards::~ManualShards() {
  bool dropped = true;
  while (dropped) {
    dropped = false;
    for (const auto& shard : shards_) dropped |= shard->DropResumptions();
  }
}

Shard& ManualShards::operator[](int i) { return *shards_[i]; }

std::vector<Shard*> ManualShards::All() {
  std::vector<Shard*> all;
  for (const auto& shard : shards_) all.push_back(shard.get());
  return all;
}

void ManualShards::Run() {
  bool ran = true;
  while (ran) {
    ran = false;
    for (const auto& shard : shards_) ran |= shard->RunSome();
  }
}

void ManualShards::EndTurn(int shard) { shards_[shard]->EndTurn(); }

void ManualShards::Advance(absl::Duration duration) {
  const SteadyTime end = steady_ + duration;
  Run();
  while (!timers_.empty() && timers_.begin()->first.first <= end) {
    // One that Pass has gone by comes late.
    steady_ = std::max(steady_, timers_.begin()->first.first);
    RunTimer(timers_.begin());
    Run();
  }
  steady_ = std::max(steady_, end);
}

bool ManualShards::Step(absl::BitGenRef random) {
  std::vector<Shard::Task> choices;
  for (const auto& shard : shards_) shard->AddChoices(choices);
  for (auto it = timers_.begin(); it != timers_.end() && it->first.first <= steady_; ++it) {
    choices.emplace_back([this, it] { RunTimer(it); });
  }
  if (choices.empty()) return false;
  choices[absl::Uniform<size_t>(random, 0, choices.size())]();
  return true;
}

void ManualShards::Pass(absl::Duration duration) {
  bool resumed = duration > absl::ZeroDuration();
  while (resumed) {
    resumed = false;
    for (const auto& shard : shards_) resumed |= shard->ResumeAll();
  }
  steady_ = steady_ + duration;
}

std::optional<SteadyTime> ManualShards::NextTimer() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->first.first;
}

void ManualShards::RunTimer(Timers::iterator it) {
  Timer timer = std::move(it->second);
  timers_.erase(it);
  RunOn(timer.shard, timer.task);
}

}  // namespace atrium::testing
