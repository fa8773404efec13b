#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "server/live/shard.h"
#include "server/wire/json.h"

namespace atrium {

// A typed room that ListRooms shows.
struct ListedRoom {
  std::string id;
  json::object metadata;
};

// How the list of rooms has changed since the last time.
struct RoomListChange {
  // New, or with other metadata.
  std::vector<ListedRoom> listed;
  // Destroyed, expired or not listed any more.
  std::vector<std::string> gone;
};

// Tells of the rooms that come, go and change their listing, to whoever watches; without a watcher it does nothing.
//
// Each shard tells a watcher of its own rooms: first all that there are, then the changes, in one order, so that
// nothing is missed or told twice. Changes are folded for 100 ms.
class RoomFeed {
 public:
  // The rooms of a shard, asked on it.
  class Source {
   public:
    virtual ~Source() = default;
    virtual std::vector<ListedRoom> ListedOn(int shard) const = 0;
    // Whether the room is typed; it may not exist.
    virtual bool Watchable(const std::string& room_id) const = 0;
    // None if it is not listed.
    virtual std::optional<ListedRoom> FindListed(int shard, const std::string& room_id) const = 0;
    // Runs `task` on the shard, on which it is called, when nothing of what the others say may be lost any more.
    // In the order of calls.
    virtual void WhenStored(int shard, Shard::Task task) = 0;
  };

  // `first` in the first change of each shard: there is one even if it has no room.
  using OnChange = std::function<void(const RoomListChange& change, bool first)>;

  // Ends the watch when destroyed, on the watcher's shard or when all shards have stopped: `on_change` is not called
  // any more.
  class Watch {
   public:
    ~Watch();

   private:
    friend class RoomFeed;
    struct Listener;
    Watch(RoomFeed& feed, std::shared_ptr<Listener> listener) : feed_(feed), listener_(std::move(listener)) {}

    RoomFeed& feed_;
    const std::shared_ptr<Listener> listener_;
  };

  RoomFeed(const std::vector<Shard*>& shards, Source& source);

  // How many first changes there are.
  size_t shards() const { return shards_.size(); }

  // Calls `on_change` on `home`, from its own tasks. On `home`.
  std::unique_ptr<Watch> Start(Shard& home, OnChange on_change);

  // Something about the room may have changed: its being there, its listing, its metadata. On its shard.
  void Changed(int shard, const std::string& room_id);

 private:
  // Touched on its shard only.
  struct ShardFeed {
    std::vector<std::shared_ptr<Watch::Listener>> listeners;
    // What they have been told of, and what has changed since.
    absl::btree_set<std::string> listed;
    absl::btree_set<std::string> changed;
    Shard::TimerId timer = 0;
  };

  void Add(int shard, std::shared_ptr<Watch::Listener> listener);
  void Remove(int shard, const std::shared_ptr<Watch::Listener>& listener);
  // Tells all who watch what has changed on the shard.
  void Tell(int shard);
  void Send(int shard, std::vector<std::shared_ptr<Watch::Listener>> to, std::shared_ptr<const RoomListChange> change,
            bool first);

  const std::vector<Shard*>& shards_;
  Source& source_;
  std::vector<ShardFeed> feeds_;
};

}  // namespace atrium
