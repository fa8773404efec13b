#include "server/live/room_feed.h"

#include <algorithm>
#include <utility>

namespace atrium {
namespace {

constexpr absl::Duration kFold = absl::Milliseconds(100);

}  // namespace

// Shared by all shards; only `home` touches `on_change`.
struct RoomFeed::Watch::Listener {
  Shard& home;
  // Null once the watch has ended.
  OnChange on_change;
};

RoomFeed::Watch::~Watch() {
  listener_->on_change = nullptr;
  for (Shard* shard : feed_.shards_) {
    shard->Post([&feed = feed_, shard, listener = listener_] { feed.Remove(shard->index(), listener); });
  }
}

RoomFeed::RoomFeed(const std::vector<Shard*>& shards, Source& source)
    : shards_(shards), source_(source), feeds_(shards.size()) {}

std::unique_ptr<RoomFeed::Watch> RoomFeed::Start(Shard& home, OnChange on_change) {
  auto listener = std::make_shared<Watch::Listener>(Watch::Listener{home, std::move(on_change)});
  for (Shard* shard : shards_) shard->Post([this, shard, listener] { Add(shard->index(), listener); });
  return std::unique_ptr<Watch>(new Watch(*this, std::move(listener)));
}

void RoomFeed::Add(int shard, std::shared_ptr<Watch::Listener> listener) {
  // What has changed is in the list that the new one gets: it need not hear of it again.
  Tell(shard);
  auto all = std::make_shared<RoomListChange>();
  all->listed = source_.ListedOn(shard);
  for (const ListedRoom& room : all->listed) feeds_[shard].listed.insert(room.id);
  Send(shard, {listener}, std::move(all), /*first=*/true);
  feeds_[shard].listeners.push_back(std::move(listener));
}

void RoomFeed::Remove(int shard, const std::shared_ptr<Watch::Listener>& listener) {
  ShardFeed& feed = feeds_[shard];
  feed.listeners.erase(std::find(feed.listeners.begin(), feed.listeners.end(), listener));
  if (!feed.listeners.empty()) return;
  feed.listed.clear();
  feed.changed.clear();
}

void RoomFeed::Changed(int shard, const std::string& room_id) {
  ShardFeed& feed = feeds_[shard];
  if (feed.listeners.empty() || !source_.Watchable(room_id)) return;
  feed.changed.insert(room_id);
  if (feed.timer != 0) return;
  feed.timer = shards_[shard]->After(kFold, [this, shard, &feed] {
    feed.timer = 0;
    Tell(shard);
  });
}

void RoomFeed::Tell(int shard) {
  ShardFeed& feed = feeds_[shard];
  if (feed.changed.empty()) return;
  auto change = std::make_shared<RoomListChange>();
  for (const std::string& id : std::exchange(feed.changed, {})) {
    std::optional<ListedRoom> room = source_.FindListed(shard, id);
    if (room) {
      feed.listed.insert(id);
      change->listed.push_back(*std::move(room));
    } else if (feed.listed.erase(id) > 0) {
      change->gone.push_back(id);
    }
  }
  if (change->listed.empty() && change->gone.empty()) return;
  Send(shard, feed.listeners, std::move(change), /*first=*/false);
}

void RoomFeed::Send(int shard, std::vector<std::shared_ptr<Watch::Listener>> to,
                    std::shared_ptr<const RoomListChange> change, bool first) {
  source_.WhenStored(shard, [to = std::move(to), change = std::move(change), first] {
    for (const auto& listener : to) {
      listener->home.Post([listener, change, first] {
        if (listener->on_change) listener->on_change(*change, first);
      });
    }
  });
}

}  // namespace atrium
