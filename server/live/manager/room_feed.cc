#include "server/live/manager/room_feed.h"

#include <algorithm>
#include <utility>

namespace atrium {
namespace {

constexpr absl::Duration kFold = absl::Milliseconds(100);

// Returns what a change says of the rooms up to `last`.
RoomListChange UpTo(const std::string& last, const RoomListChange& change) {
  RoomListChange part;
  for (const ListedRoom& room : change.listed) {
    if (room.id <= last) part.listed.push_back(room);
  }
  for (const std::string& id : change.gone) {
    if (id <= last) part.gone.push_back(id);
  }
  return part;
}

template <typename Readers, typename Listener>
auto FindReader(Readers& readers, const Listener& listener) {
  return std::find_if(readers.begin(), readers.end(), [&](const auto& reader) { return reader.listener == listener; });
}

}  // namespace

// A watch as its watcher has it.
class RoomFeed::Ending final : public Watch {
 public:
  Ending(RoomFeed& feed, ListenerPtr listener) : feed_(feed), listener_(std::move(listener)) {}
  ~Ending() override {
    listener_->on_change = nullptr;
    for (Shard* shard : feed_.shards_) {
      shard->Post([&feed = feed_, shard, listener = listener_] { feed.Remove(shard->index(), listener); });
    }
  }

 private:
  RoomFeed& feed_;
  const ListenerPtr listener_;
};

RoomFeed::RoomFeed(const std::vector<Shard*>& shards, Source& source)
    : shards_(shards), source_(source), feeds_(shards.size()) {}

std::unique_ptr<RoomList::Watch> RoomFeed::Start(Shard& home, OnChange on_change) {
  auto listener = std::make_shared<Listener>(Listener{home, std::move(on_change)});
  for (Shard* shard : shards_) shard->Post([this, shard, listener] { Add(shard->index(), listener); });
  return std::make_unique<Ending>(*this, std::move(listener));
}

void RoomFeed::Add(int shard, ListenerPtr listener) {
  feeds_[shard].readers.push_back({listener, ""});
  source_.InSlices(shard, [this, shard, listener = std::move(listener)] { return TellMore(shard, listener); });
}

bool RoomFeed::TellMore(int shard, const ListenerPtr& listener) {
  ShardFeed& feed = feeds_[shard];
  const auto reader = FindReader(feed.readers, listener);
  if (reader == feed.readers.end()) return false;
  // What has changed is in what the new one is told: it need not hear of it again.
  Tell(shard);
  RoomListChange some;
  const bool more = source_.ListMore(shard, *reader->told_up_to, some.listed);
  for (const ListedRoom& room : some.listed) feed.listed.insert(room.id);
  if (!more) reader->told_up_to.reset();
  Send(shard, {listener}, std::move(some), /*all_told=*/!more);
  return more;
}

void RoomFeed::Remove(int shard, const ListenerPtr& listener) {
  ShardFeed& feed = feeds_[shard];
  feed.readers.erase(FindReader(feed.readers, listener));
  if (!feed.readers.empty()) return;
  feed.listed.clear();
  feed.changed.clear();
}

void RoomFeed::Changed(int shard, const std::string& room_id) {
  ShardFeed& feed = feeds_[shard];
  if (feed.readers.empty() || !source_.Watchable(room_id)) return;
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
  RoomListChange change;
  for (const std::string& id : std::exchange(feed.changed, {})) {
    std::optional<ListedRoom> room = source_.FindListed(shard, id);
    if (room) {
      feed.listed.insert(id);
      change.listed.push_back(*std::move(room));
    } else if (feed.listed.erase(id) > 0) {
      change.gone.push_back(id);
    }
  }
  std::vector<ListenerPtr> know_all;
  for (const Reader& reader : feed.readers) {
    if (reader.told_up_to) {
      Send(shard, {reader.listener}, UpTo(*reader.told_up_to, change), /*all_told=*/false);
    } else {
      know_all.push_back(reader.listener);
    }
  }
  Send(shard, std::move(know_all), std::move(change), /*all_told=*/false);
}

void RoomFeed::Send(int shard, std::vector<ListenerPtr> to, RoomListChange change, bool all_told) {
  if (to.empty() || (!all_told && change.listed.empty() && change.gone.empty())) return;
  auto shared = std::make_shared<const RoomListChange>(std::move(change));
  source_.WhenAllStored(shard, [to = std::move(to), change = std::move(shared), all_told] {
    for (const auto& listener : to) {
      listener->home.Post([listener, change, all_told] {
        if (listener->on_change) listener->on_change(*change, all_told);
      });
    }
  });
}

}  // namespace atrium
