#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/time/time.h"

namespace atrium {

// Counts attempts by key, and says who has to wait: a key has `limit` attempts in any `window`. Remembers at most
// `max_keys`; while so many have tried within a window, every other key has to wait. One thread.
class AttemptLimiter {
 public:
  AttemptLimiter(size_t limit, absl::Duration window, size_t max_keys)
      : limit_(limit), window_(window), max_keys_(max_keys) {}

  // How long until `key` may try again; zero if it may now.
  absl::Duration Wait(const std::string& key, absl::Time now);

  void Add(const std::string& key, absl::Time now) { attempts_[key].push_back(now); }
  // The attempt of `key` at `time` does not count.
  void TakeBack(const std::string& key, absl::Time time);
  void Forget(const std::string& key) { attempts_.erase(key); }

  size_t size() const { return attempts_.size(); }

 private:
  using Times = absl::InlinedVector<absl::Time, 5>;
  void DropOld(Times& times, absl::Time now) const;

  const size_t limit_;
  const absl::Duration window_;
  const size_t max_keys_;
  absl::flat_hash_map<std::string, Times> attempts_;
  // When the table was last full and swept.
  absl::Time swept_ = absl::InfinitePast();
};

}  // namespace atrium
