#pragma once

#include <optional>
#include <string>

#include "absl/container/btree_map.h"
#include "absl/strings/string_view.h"
#include "atrium/v1/resources.pb.h"
#include "server/common/counter.h"
#include "server/common/steady_time.h"

namespace atrium {

// The durable rooms of one shard that are in the log but not in memory, with what a listing shows of them. It lives on
// the shard, but any thread may call count().
class SleepingRooms {
 public:
  struct Sleeper {
    // A serialised v1::Room, which takes a fraction of the memory that the message does.
    std::string head;
    // Something last happened in it at this time.
    SteadyTime last_activity;
  };

  void Put(const std::string& room_id, Sleeper sleeper) {
    if (rooms_.insert_or_assign(room_id, std::move(sleeper)).second) count_.Add(1);
  }
  void Remove(const std::string& room_id) {
    if (rooms_.erase(room_id) > 0) count_.Add(-1);
  }

  bool contains(const std::string& room_id) const { return rooms_.contains(room_id); }
  std::optional<v1::Room> Find(const std::string& room_id) const {
    const auto it = rooms_.find(room_id);
    return it == rooms_.end() ? std::nullopt : std::make_optional(Read(it->second.head));
  }
  // Returns when something last happened in a room, unless it does not sleep.
  std::optional<SteadyTime> LastActivity(const std::string& room_id) const {
    const auto it = rooms_.find(room_id);
    return it == rooms_.end() ? std::nullopt : std::make_optional(it->second.last_activity);
  }
  using Heads = absl::btree_map<std::string, Sleeper>;
  // Returns the first after `after`, in the order of the ids. The iterator is good until a room comes or goes.
  Heads::const_iterator After(const std::string& after) const { return rooms_.upper_bound(after); }
  Heads::const_iterator end() const { return rooms_.end(); }

  // Returns how many there are, on any thread.
  int64_t count() const { return count_.value(); }

  // Returns what a head says.
  static v1::Room Read(const std::string& head) {
    v1::Room room;
    room.ParseFromString(head);
    // Nobody is in a room that sleeps, and its records tell at which offset it stands.
    room.set_member_count(0);
    room.clear_position();
    return room;
  }

 private:
  Heads rooms_;
  Counter count_;
};

}  // namespace atrium
