#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "server/live/authoring/room_list_change.h"
#include "server/live/shards/shard.h"

namespace atrium {

// The list of all rooms, as one room deals with it: the room says there what changes of itself, and may watch the
// others.
class RoomList {
 public:
  // `all_told` is true once from each shard, even if that has no room: then the watcher knows all rooms that it had.
  using OnChange = std::function<void(const RoomListChange& change, bool all_told)>;

  // Ends the watch when it is destroyed, on the watcher's shard or when all shards have stopped: `on_change` is not
  // called any more.
  class Watch {
   public:
    virtual ~Watch() = default;
  };

  // Returns how often a watcher is told `all_told`.
  virtual size_t shards() const = 0;

  // Begins a watch, on `home`, where `on_change` is called in tasks of its own.
  virtual std::unique_ptr<Watch> Start(Shard& home, OnChange on_change) = 0;

  // Says, on the room's shard, that something about it may have changed: its being there, its listing, its metadata.
  virtual void Changed(int shard, const std::string& room_id) = 0;

 protected:
  ~RoomList() = default;
};

}  // namespace atrium
