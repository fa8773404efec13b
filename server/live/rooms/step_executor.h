#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>
#include <memory>
#include <utility>

#include "server/common/steady_time.h"

namespace atrium {

// What stands around each step of a hook: from a resumption to the next suspension.
class StepScope {
 public:
  virtual ~StepScope() = default;
  virtual void BeginStep() = 0;
  virtual void EndStep() = 0;

  // Returns when the code is out of time: what it does from then on has no effect.
  virtual SteadyTime Deadline() const = 0;

  // Keep owns what stands for the code while it waits for an answer, until Release, so that a question that is never
  // answered does not destroy it on whatever thread it ends. Without it the code never goes on.
  virtual void Keep(std::shared_ptr<void> waiting) = 0;
  virtual void Release(const void* waiting) = 0;
};

// An executor that resumes a coroutine inside a scope's steps, so that what one step does can be one transaction.
class StepExecutor {
 public:
  // The executor does not keep `scope`: the coroutine does.
  StepExecutor(boost::asio::any_io_executor inner, std::weak_ptr<StepScope> scope)
      : inner_(std::move(inner)), scope_(std::move(scope)) {}

  bool operator==(const StepExecutor& other) const noexcept {
    return inner_ == other.inner_ && !scope_.owner_before(other.scope_) && !other.scope_.owner_before(scope_);
  }
  bool operator!=(const StepExecutor& other) const noexcept { return !(*this == other); }

  template <typename Property>
  auto query(const Property& property) const
      -> decltype(boost::asio::query(std::declval<const boost::asio::any_io_executor&>(), property)) {
    return boost::asio::query(inner_, property);
  }
  template <typename Property>
  auto require(const Property& property) const
      -> decltype(StepExecutor(boost::asio::require(std::declval<const boost::asio::any_io_executor&>(), property),
                               std::weak_ptr<StepScope>())) {
    return {boost::asio::require(inner_, property), scope_};
  }
  template <typename Property>
  auto prefer(const Property& property) const
      -> decltype(StepExecutor(boost::asio::prefer(std::declval<const boost::asio::any_io_executor&>(), property),
                               std::weak_ptr<StepScope>())) {
    return {boost::asio::prefer(inner_, property), scope_};
  }

  template <typename Function>
  void execute(Function&& function) const {
    inner_.execute(
        [weak = scope_, function = std::forward<Function>(function)]() mutable { RunStep(weak, std::move(function)); });
  }

  const std::weak_ptr<StepScope>& scope() const { return scope_; }

 private:
  template <typename Function>
  static void RunStep(const std::weak_ptr<StepScope>& weak, Function&& function) {
    const std::shared_ptr<StepScope> scope = weak.lock();
    if (scope != nullptr) scope->BeginStep();
    std::forward<Function>(function)();
    if (scope != nullptr) scope->EndStep();
  }

  boost::asio::any_io_executor inner_;
  std::weak_ptr<StepScope> scope_;
};

}  // namespace atrium
