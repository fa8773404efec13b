#pragma once

#include <algorithm>

#include "absl/time/time.h"

namespace atrium {

// A token bucket: `burst` requests at once, `rate` a second in the long run. A rate of 0 limits nothing.
class RateLimiter {
 public:
  RateLimiter(double rate, double burst, absl::Time now) : rate_(rate), burst_(burst), tokens_(burst), last_(now) {}

  // Whether one more request may pass at `now`. A clock that went back refills nothing.
  bool Take(absl::Time now) {
    if (rate_ <= 0) return true;
    if (now > last_) {
      tokens_ = std::min(burst_, tokens_ + rate_ * absl::ToDoubleSeconds(now - last_));
      last_ = now;
    }
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  double rate_;
  double burst_;
  double tokens_;
  absl::Time last_;
};

}  // namespace atrium
