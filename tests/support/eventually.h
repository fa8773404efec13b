#pragma once

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace atrium {

// How long a test waits for what must happen.
inline constexpr absl::Duration kPatience = absl::Seconds(10);

// Whether `condition` comes true in time.
template <typename Condition>
bool Eventually(const Condition& condition, absl::Duration patience = kPatience) {
  for (const absl::Time deadline = absl::Now() + patience; absl::Now() < deadline;) {
    if (condition()) return true;
    absl::SleepFor(absl::Milliseconds(2));
  }
  return condition();
}

}  // namespace atrium
