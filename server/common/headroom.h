#pragma once

#include <atomic>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/common/refusals.h"

namespace atrium {

// Whether the process has room for more: who comes is refused before what is there must go. It is thread-safe.
//
// Above 80 % of the memory limit there are no new rooms and sessions; above 90 % memory is scarce, and what waits for
// slow readers goes.
class Headroom {
 public:
  // 0 means no limit.
  struct Limits {
    int64_t memory_bytes = 0;
    int64_t rooms = 0;
  };
  // Look is to be called about so often.
  static constexpr absl::Duration kInterval = absl::Milliseconds(100);

  // `refusals` must outlive it.
  Headroom(const Limits& limits, Refusals& refusals) : limits_(limits), refusals_(refusals) {}

  const Limits& limits() const { return limits_; }

  // Looks how much memory the process has. What the methods below say rests on the last look.
  void Look();

  // Return OK, or RESOURCE_EXHAUSTED with the limit that is reached, which is then counted. `running` is how many rooms
  // there are in memory.
  absl::Status ForRoom(int64_t running);
  absl::Status ForSession();

  // Whether more than 80 % are in use, and whether more than 90 % are.
  bool memory_is_high() const { return pressure_.load(std::memory_order_relaxed) != Pressure::kNone; }
  bool memory_is_scarce() const { return pressure_.load(std::memory_order_relaxed) == Pressure::kScarce; }

 private:
  enum class Pressure { kNone, kHigh, kScarce };

  absl::Status MemoryFor(absl::string_view newcomers);

  const Limits limits_;
  Refusals& refusals_;
  std::atomic<Pressure> pressure_{Pressure::kNone};
};

}  // namespace atrium
