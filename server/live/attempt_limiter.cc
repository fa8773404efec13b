#include "server/live/attempt_limiter.h"

#include <algorithm>

namespace atrium {

absl::Duration AttemptLimiter::Wait(const std::string& key, absl::Time now) {
  const auto it = attempts_.find(key);
  if (it != attempts_.end()) {
    DropOld(it->second, now);
    return it->second.size() < limit_ ? absl::ZeroDuration() : it->second.front() + window_ - now;
  }
  // Sweeping costs the size of the table: once a second at most, whoever comes.
  if (attempts_.size() >= max_keys_ && now - swept_ >= absl::Seconds(1)) {
    swept_ = now;
    absl::erase_if(attempts_, [&](auto& entry) {
      DropOld(entry.second, now);
      return entry.second.empty();
    });
  }
  return attempts_.size() < max_keys_ ? absl::ZeroDuration() : window_;
}

void AttemptLimiter::TakeBack(const std::string& key, absl::Time time) {
  const auto it = attempts_.find(key);
  if (it == attempts_.end()) return;
  const auto attempt = std::find(it->second.begin(), it->second.end(), time);
  if (attempt != it->second.end()) it->second.erase(attempt);
  if (it->second.empty()) attempts_.erase(it);
}

void AttemptLimiter::DropOld(Times& times, absl::Time now) const {
  times.erase(times.begin(), std::find_if(times.begin(), times.end(), [&](absl::Time t) { return t + window_ > now; }));
}

}  // namespace atrium
