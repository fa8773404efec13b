#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "server/live/hooks.h"

namespace atrium {

// Goes on with a suspended hook: call it once, on the room's shard.
using Resume = absl::AnyInvocable<void(absl::Status)>;

// Suspends a hook: `start` gets what resumes it, as a step of its own, with the status that this then returns. The hook
// waits for that even past its deadline.
inline Awaitable<absl::Status> Suspend(absl::AnyInvocable<void(Resume)> start) {
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(absl::Status)>(
      [](auto handler, absl::AnyInvocable<void(Resume)> start) {
        start([handler = std::move(handler)](absl::Status status) mutable {
          // The hook's own executor makes a step of it.
          const auto executor = boost::asio::get_associated_executor(handler);
          boost::asio::post(executor, [handler = std::move(handler), status = std::move(status)]() mutable {
            std::move(handler)(std::move(status));
          });
        });
      },
      boost::asio::use_awaitable, std::move(start));
}

}  // namespace atrium
