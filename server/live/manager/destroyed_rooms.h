#pragma once

#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "server/common/fifo.h"
#include "server/common/steady_time.h"

namespace atrium {

// The rooms of one shard that DestroyRoom has ended, by their epochs: who followed one is told, and does not make it
// again by coming back. Each is known for five minutes, unless 10,000 have followed it. It lives on the shard.
class DestroyedRooms {
 public:
  static constexpr absl::Duration kKept = absl::Minutes(5);
  static constexpr size_t kMost = 10'000;

  void Add(const std::string& epoch, const std::string& room_id, SteadyTime now) {
    Forget(now);
    if (order_.size() == kMost) DropOldest();
    if (rooms_.insert_or_assign(epoch, room_id).second) order_.push_back({now, epoch});
  }

  // Returns whether that epoch of the room was ended so.
  bool Contains(const std::string& epoch, const std::string& room_id, SteadyTime now) {
    Forget(now);
    const auto it = rooms_.find(epoch);
    return it != rooms_.end() && it->second == room_id;
  }

  size_t size() const { return rooms_.size(); }

 private:
  void Forget(SteadyTime now) {
    while (!order_.empty() && order_.front().first + kKept <= now) DropOldest();
  }
  void DropOldest() {
    rooms_.erase(order_.front().second);
    order_.pop_front();
  }

  absl::flat_hash_map<std::string, std::string> rooms_;
  // Each has here when it was added, and its epoch; the oldest comes first.
  Fifo<std::pair<SteadyTime, std::string>> order_;
};

}  // namespace atrium
