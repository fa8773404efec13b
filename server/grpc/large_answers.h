#pragma once

#include <atomic>
#include <cstddef>

#include "absl/status/status.h"
#include "server/common/refusals.h"

namespace atrium {

// Bounds what the large answers to unary calls take together that their clients have not read yet, which gRPC keeps:
// by a flow-control window of 0 and many calls one client could have it keep any amount. It is thread-safe.
class LargeAnswers {
 public:
  // Smaller answers do not count.
  static constexpr size_t kLarge = size_t{64} << 10;
  // So many bytes may be under way.
  static constexpr size_t kMost = size_t{128} << 20;

  // Takes `bytes` for an answer, which Leave gives back once the client has read it. RESOURCE_EXHAUSTED, reason LIMIT,
  // if so much is under way already.
  absl::Status Enter(size_t bytes) {
    if (bytes < kLarge) return absl::OkStatus();
    if (under_way_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= kMost) return absl::OkStatus();
    Leave(bytes);
    return LimitError("large_answers", "server", kMost, "too many large answers have not been read by their clients");
  }
  void Leave(size_t bytes) {
    if (bytes >= kLarge) under_way_.fetch_sub(bytes, std::memory_order_relaxed);
  }

 private:
  std::atomic<size_t> under_way_{0};
};

}  // namespace atrium
