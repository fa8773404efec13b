#pragma once

#include <atomic>
#include <cstdint>

namespace atrium {

// A count that one thread writes and any thread may read. It needs neither a lock nor an instruction that locks the
// bus.
class Counter {
 public:
  void Add(int64_t n) { value_.store(value() + n, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

}  // namespace atrium
