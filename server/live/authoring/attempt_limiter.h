#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/time/time.h"
#include "server/common/steady_time.h"

namespace atrium {

// Counts attempts by key, and says who has to wait: a key has `limit` attempts in any `window`. It remembers at most
// `max_keys`; while so many have tried within a window, every other key has to wait. It is not thread-safe.
class AttemptLimiter {
 public:
  AttemptLimiter(size_t limit, absl::Duration window, size_t max_keys)
      : limit_(limit), window_(window), max_keys_(max_keys) {}

  // Returns how long it is until `key` may try again; zero if it may now.
  absl::Duration Wait(const std::string& key, SteadyTime now);

  void Add(const std::string& key, SteadyTime now) { attempts_[key].push_back(now); }
  // Takes back the attempt of `key` at `time`, which does not count any more.
  void TakeBack(const std::string& key, SteadyTime time);
  void Forget(const std::string& key) { attempts_.erase(key); }

  size_t size() const { return attempts_.size(); }

 private:
  using Times = absl::InlinedVector<SteadyTime, 5>;
  void DropOld(Times& times, SteadyTime now) const;

  const size_t limit_;
  const absl::Duration window_;
  const size_t max_keys_;
  absl::flat_hash_map<std::string, Times> attempts_;
  // The table was last full and swept at this time.
  SteadyTime swept_ = SteadyTime::InfinitePast();
};

}  // namespace atrium
