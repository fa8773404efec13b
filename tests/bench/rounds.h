#pragma once

#include <functional>

namespace atrium::bench {

// In each of `rounds` rounds both take their turn, who begins alternates, and then `compare` runs.
inline void Alternate(int rounds, const std::function<void()>& atrium, const std::function<void()>& limit,
                      const std::function<void()>& compare) {
  for (int round = 0; round < rounds; ++round) {
    (round % 2 == 0 ? atrium : limit)();
    (round % 2 == 0 ? limit : atrium)();
    compare();
  }
}

}  // namespace atrium::bench
