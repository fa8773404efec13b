#pragma once

#include <algorithm>
#include <cstddef>

#include "absl/time/time.h"
#include "server/common/steady_time.h"

namespace atrium {

// Says how much a client may ask. It is a token bucket, of `burst` requests at once and `rate` a second in the long
// run. As many again are refused; what is beyond that is not to be read, and who goes on like that is to be closed. A
// rate of 0 limits nothing. What Forgive adds goes beyond the burst. One thread at a time may use it.
class RateLimiter {
 public:
  enum class Verdict { kPass, kRefuse, kClose };

  // A request takes a token, and another for each so many bytes that it has.
  static constexpr size_t kBytesPerToken = size_t{16} * 1024;
  // Who sends more than is even refused, for so long, is to be closed.
  static constexpr absl::Duration kPatience = absl::Seconds(10);

  RateLimiter(double rate, double burst, SteadyTime now)
      : rate_(rate), burst_(burst), requests_(burst), refusals_(burst), last_(now) {}

  // Charges a request of so many bytes, which has come at `now`.
  Verdict Take(SteadyTime now, size_t bytes = 0) {
    if (rate_ <= 0) return Verdict::kPass;
    Refill(now);
    const size_t whole = 1 + bytes / kBytesPerToken;
    const auto tokens = static_cast<double>(whole);
    if (requests_ >= 1) {
      // What a request weighs is known only when it has been unpacked: it may owe some.
      requests_ -= tokens;
      return Verdict::kPass;
    }
    // Half of the refusals come back only to a client that sends less.
    if (refusals_ >= burst_ / 2) over_since_ = SteadyTime::InfiniteFuture();
    refusals_ -= tokens;
    if (refusals_ < 1) over_since_ = std::min(over_since_, now);
    return now - over_since_ >= kPatience ? Verdict::kClose : Verdict::kRefuse;
  }

  // Whether nothing more is to be read from the client for now.
  bool MustPause() const { return requests_ < 1 && refusals_ < 1 && rate_ > 0; }
  // Returns for how long nothing is to be read, from the last Take on; zero while something may.
  absl::Duration Pause() const {
    if (!MustPause()) return absl::ZeroDuration();
    return absl::Seconds(std::min(1.0, (1 - std::max(requests_, refusals_)) / rate_));
  }

  // Says that the server stood still for so long: what came meanwhile comes at once, and not by the client's fault.
  void Forgive(absl::Duration stood_still) { requests_ += rate_ * absl::ToDoubleSeconds(stood_still); }

 private:
  void Refill(SteadyTime now) {
    if (now <= last_) return;
    const double tokens = rate_ * 1e-9 * static_cast<double>(now.nanoseconds() - last_.nanoseconds());
    requests_ = std::max(requests_, std::min(burst_, requests_ + tokens));
    refusals_ = std::min(burst_, refusals_ + tokens);
    last_ = now;
  }

  double rate_;
  double burst_;
  // These are the tokens of either kind.
  double requests_;
  double refusals_;
  SteadyTime last_;
  // More than is even refused has come since then.
  SteadyTime over_since_ = SteadyTime::InfiniteFuture();
};

}  // namespace atrium
