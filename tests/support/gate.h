#pragma once

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdint>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/functional/any_invocable.h"
#include "server/live/authoring/hooks.h"

namespace atrium::testing {

// Where coroutines wait until a test lets them go on. Empty it before their executors go. One thread.
class Gate {
 public:
  // Goes on when the gate opens, or when the coroutine is cancelled; a `deaf` one for the gate only.
  Awaitable<void> Wait(bool deaf) {
    co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void()>(
        Begin(), boost::asio::use_awaitable, this, deaf);
  }

  size_t waiting() const { return waiting_.size(); }
  void Open() {
    while (!waiting_.empty()) LetGo(waiting_.begin());
  }
  // Lets only the one at `place` go.
  void OpenOne(size_t place) { LetGo(std::next(waiting_.begin(), static_cast<std::ptrdiff_t>(place))); }
  // Whoever waits is destroyed where it stands.
  void Clear() { waiting_.clear(); }

 private:
  using Waiting = absl::btree_map<uint64_t, absl::AnyInvocable<void()>>;

  struct Begin {
    template <typename Handler>
    void operator()(Handler&& handler, Gate* gate, bool deaf) const {
      const uint64_t id = ++gate->last_;
      auto slot = boost::asio::get_associated_cancellation_slot(handler);
      if (!deaf && slot.is_connected()) {
        slot.assign([gate, id](boost::asio::cancellation_type) {
          if (const auto it = gate->waiting_.find(id); it != gate->waiting_.end()) gate->LetGo(it);
        });
      }
      gate->waiting_.emplace(
          id, [handler = std::forward<Handler>(handler)]() mutable { boost::asio::post(std::move(handler)); });
    }
  };

  void LetGo(Waiting::iterator it) {
    auto go_on = std::move(it->second);
    waiting_.erase(it);
    go_on();
  }

  uint64_t last_ = 0;
  Waiting waiting_;
};

}  // namespace atrium::testing
