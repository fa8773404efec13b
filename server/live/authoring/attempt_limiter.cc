#include "server/live/authoring/attempt_limiter.h"

#include <algorithm>

namespace atrium {

absl::Duration AttemptLimiter::Wait(const std::string& key, SteadyTime now) {
  const auto it = attempts_.find(key);
  if (it != attempts_.end()) {
    DropOld(it->second, now);
    return it->second.size() < limit_ ? absl::ZeroDuration() : it->second.front() + window_ - now;
  }
  // Sweeping costs time for each key, so that it is done once a second at most, whoever comes.
  if (attempts_.size() >= max_keys_ && now - swept_ >= absl::Seconds(1)) {
    swept_ = now;
    absl::erase_if(attempts_, [&](auto& entry) {
      DropOld(entry.second, now);
      return entry.second.empty();
    });
  }
  return attempts_.size() < max_keys_ ? absl::ZeroDuration() : window_;
}

void AttemptLimiter::TakeBack(const std::string& key, SteadyTime time) {
  const auto it = attempts_.find(key);
  if (it == attempts_.end()) return;
  const auto attempt = std::find(it->second.begin(), it->second.end(), time);
  if (attempt != it->second.end()) it->second.erase(attempt);
  if (it->second.empty()) attempts_.erase(it);
}

void AttemptLimiter::DropOld(Times& times, SteadyTime now) const {
  times.erase(std::remove_if(times.begin(), times.end(), [&](SteadyTime time) { return time + window_ <= now; }),
              times.end());
}

}  // namespace atrium
