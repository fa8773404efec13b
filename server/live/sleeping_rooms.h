#pragma once

#include <functional>
#include <string>

#include "absl/container/btree_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "atrium/v1/resources.pb.h"
#include "server/common/counter.h"

namespace atrium {

// The durable rooms of one shard that are in the log but not in memory: what a listing shows of them. On the shard, but
// for count().
class SleepingRooms {
 public:
  // `head` is a serialised v1::Room.
  void Put(const std::string& room_id, std::string head) {
    if (rooms_.insert_or_assign(room_id, std::move(head)).second) count_.Add(1);
  }
  void Remove(const std::string& room_id) {
    if (rooms_.erase(room_id) > 0) count_.Add(-1);
  }

  bool contains(const std::string& room_id) const { return rooms_.contains(room_id); }
  absl::optional<v1::Room> Find(const std::string& room_id) const {
    const auto it = rooms_.find(room_id);
    return it == rooms_.end() ? absl::nullopt : absl::make_optional(Read(it->second));
  }
  // In the order of ids, from the first after `after` on, until `visit` returns false.
  void ForEach(const std::string& after, const std::function<bool(const v1::Room&)>& visit) const {
    for (auto it = rooms_.upper_bound(after); it != rooms_.end() && visit(Read(it->second)); ++it) {
    }
  }

  // Any thread.
  int64_t count() const { return count_.value(); }

 private:
  static v1::Room Read(const std::string& head) {
    v1::Room room;
    room.ParseFromString(head);
    // Nobody is in a room that sleeps; where it stands, its records tell.
    room.set_member_count(0);
    room.clear_position();
    return room;
  }

  // As bytes, which take a fraction of the memory.
  absl::btree_map<std::string, std::string> rooms_;
  Counter count_;
};

}  // namespace atrium
