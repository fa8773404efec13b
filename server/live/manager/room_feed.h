#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "server/live/rooms/room_list.h"
#include "server/live/shards/shard.h"
#include "server/live/shards/sliced_work.h"
#include "server/wire/json.h"

namespace atrium {

// Tells of the rooms that come, go and change their listing, to whoever watches; without a watcher it does nothing.
//
// Each shard tells a watcher of its own rooms: first all that there are, in the order of their ids and in slices, with
// what changes meanwhile of those that were told; then the changes. Nothing is missed or told twice. Changes are folded
// for 100 ms. Each shard's part is touched on that shard only.
class RoomFeed final : public RoomList {
 public:
  // The rooms of a shard. Its methods are called on that shard.
  class Source {
   public:
    virtual ~Source() = default;
    // Adds those with ids after `after`, in their order, as many as one turn of the shard allows, and moves `after` to
    // the last. Returns false if there are no more behind them.
    virtual bool ListMore(int shard, std::string& after, std::vector<ListedRoom>& listed) const = 0;
    // Is SlicedWork::Add of the shard.
    virtual void InSlices(int shard, SlicedWork::Step step) = 0;
    // Returns whether a room of this id would be typed; there need not be one.
    virtual bool Watchable(const std::string& room_id) const = 0;
    // Returns nothing if the room is not listed.
    virtual std::optional<ListedRoom> FindListed(int shard, const std::string& room_id) const = 0;
    // Runs `task` on the shard when all that the other methods have told is stored. Tasks run in the order of the
    // calls.
    virtual void WhenAllStored(int shard, Shard::Task task) = 0;
  };

  RoomFeed(const std::vector<Shard*>& shards, Source& source);

  size_t shards() const override { return shards_.size(); }
  std::unique_ptr<Watch> Start(Shard& home, OnChange on_change) override;
  void Changed(int shard, const std::string& room_id) override;

 private:
  // All shards share this; only `home` touches `on_change`.
  struct Listener {
    Shard& home;
    // This is null once the watch has ended.
    OnChange on_change;
  };
  using ListenerPtr = std::shared_ptr<Listener>;
  class Ending;
  // A watch, as one shard has it.
  struct Reader {
    ListenerPtr listener;
    // It has been told of the rooms up to this one; this is not set once it has been told of all that there were.
    std::optional<std::string> told_up_to;
  };
  struct ShardFeed {
    std::vector<Reader> readers;
    // They have been told of these rooms, and these have changed since.
    absl::btree_set<std::string> listed;
    absl::btree_set<std::string> changed;
    Shard::TimerId timer = 0;
  };

  void Add(int shard, ListenerPtr listener);
  void Remove(int shard, const ListenerPtr& listener);
  // Tells a new one of some more of the rooms that there are. Returns false if it has gone, or knows all now.
  bool TellMore(int shard, const ListenerPtr& listener);
  // Tells all who watch what has changed on the shard.
  void Tell(int shard);
  void Send(int shard, std::vector<ListenerPtr> to, RoomListChange change, bool all_told);

  const std::vector<Shard*>& shards_;
  Source& source_;
  std::vector<ShardFeed> feeds_;
};

}  // namespace atrium
