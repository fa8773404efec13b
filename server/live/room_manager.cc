#include "server/live/room_manager.h"

#include <algorithm>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_format.h"
#include "server/live/gather.h"
#include "server/live/room_errors.h"

namespace atrium {

RoomManager::RoomManager(const RoomRegistry& registry, RoomSettings settings, std::vector<Shard*> shards,
                         Workers& workers, Log& log)
    : registry_(registry),
      settings_(settings),
      shards_(std::move(shards)),
      workers_(workers),
      log_(log),
      feed_(shards_, *this) {
  for (size_t i = 0; i < shards_.size(); ++i) {
    rooms_.push_back(std::make_unique<ShardRooms>(registry_.types().size() + 1));
  }
}

int RoomManager::ShardOf(absl::string_view room_id) const {
  return static_cast<int>(absl::Hash<absl::string_view>()(room_id) % shards_.size());
}

void RoomManager::Find(std::string room_id, Use use) {
  const int shard = ShardOf(room_id);
  shards_[shard]->Post([this, shard, room_id = std::move(room_id), use = std::move(use)]() mutable {
    FindOn(shard, room_id, std::move(use));
  });
}

void RoomManager::FindOn(int shard, const std::string& room_id, Use use) {
  const auto it = rooms_[shard]->rooms.find(room_id);
  if (it == rooms_[shard]->rooms.end()) return use(nullptr);
  UseWhenReady(*it->second,
               [use = std::move(use)](absl::StatusOr<Room*> room) mutable { use(room.ok() ? *room : nullptr); });
}

void RoomManager::FindOrCreate(std::string room_id, json::object initial_state, UseOrError use) {
  const int shard = ShardOf(room_id);
  shards_[shard]->Post(
      [this, shard, room_id = std::move(room_id), initial_state = std::move(initial_state),
       use = std::move(use)]() mutable { FindOrCreateOn(shard, room_id, std::move(initial_state), std::move(use)); });
}

void RoomManager::FindOrCreateOn(int shard, const std::string& room_id, json::object initial_state, UseOrError use) {
  const auto it = rooms_[shard]->rooms.find(room_id);
  if (it == rooms_[shard]->rooms.end()) return Create(shard, room_id, std::move(initial_state), std::move(use));
  if (it->second->ready) return use(it->second->room.get());
  // If it is being destroyed, a new one is made behind it.
  UseWhenReady(*it->second, [this, shard, room_id, initial_state = std::move(initial_state),
                             use = std::move(use)](absl::StatusOr<Room*> room) mutable {
    if (!absl::IsNotFound(room.status())) return use(std::move(room));
    FindOrCreateOn(shard, room_id, std::move(initial_state), std::move(use));
  });
}

void RoomManager::Create(int shard, const std::string& room_id, json::object initial_state, UseOrError use) {
  ShardRooms& here = *rooms_[shard];
  const size_t limit = settings_.max_state_bytes;
  if (limit > 0 && JsonSize(initial_state) > limit) return use(StateTooLarge());
  const RoomTypeInfo* type = registry_.TypeOf(room_id);
  std::string epoch = absl::StrFormat("%016x", absl::Uniform<uint64_t>(here.random));
  Entry& entry = *here.rooms.emplace(room_id, std::make_unique<Entry>()).first->second;
  entry.room = std::make_unique<Room>(
      room_id, type, std::move(initial_state), std::move(epoch),
      Room::Env{.shard = *shards_[shard],
                .shards = static_cast<int>(shards_.size()),
                .settings = settings_,
                .services = {.workers = workers_, .feed = feed_},
                .counters = here.counters[type == nullptr ? registry_.types().size() : type->index],
                .log = log_,
                .on_idle = [this, shard](const std::string& id) { OnIdle(shard, std::string(id)); }});
  entry.waiting.push_back(std::move(use));
  entry.room->Create([this, shard, room_id, &entry](absl::Status verdict) {
    if (verdict.ok()) return SetReady(shard, entry);
    // Not from inside of the room's own code.
    shards_[shard]->Post([this, shard, room_id] { Remove(shard, room_id, RoomInitializationFailed()); });
  });
}

void RoomManager::Destroy(std::string room_id, absl::AnyInvocable<void(absl::Status)> done) {
  const int shard = ShardOf(room_id);
  Find(room_id, [this, shard, room_id, done = std::move(done)](Room* room) mutable {
    if (room == nullptr) return done(RoomNotFound(room_id));
    // Whoever comes now waits for the new room.
    rooms_[shard]->rooms.at(room_id)->ready = false;
    feed_.Changed(shard, room_id);
    room->Clear();
    done(absl::OkStatus());
  });
}

void RoomManager::OnIdle(int shard, const std::string& room_id) {
  Entry& entry = *rooms_[shard]->rooms.at(room_id);
  entry.ready = false;
  entry.room->Destroy([this, shard, room_id, &entry](bool destroy) {
    shards_[shard]->Post([this, shard, room_id, destroy, &entry] {
      if (destroy && entry.room->idle()) return Remove(shard, room_id, RoomNotFound(room_id));
      entry.room->Stay();
      SetReady(shard, entry);
    });
  });
}

void RoomManager::Remove(int shard, const std::string& room_id, const absl::Status& why) {
  const std::unique_ptr<Entry> entry = std::move(rooms_[shard]->rooms.extract(room_id).mapped());
  entry->room = nullptr;
  feed_.Changed(shard, room_id);
  for (UseOrError& use : entry->waiting) use(why);
}

void RoomManager::UseWhenReady(Entry& entry, UseOrError use) {
  if (entry.ready) return use(entry.room.get());
  entry.waiting.push_back(std::move(use));
}

void RoomManager::SetReady(int shard, Entry& entry) {
  entry.ready = true;
  feed_.Changed(shard, entry.room->id());
  // One of them may destroy the room: those behind it wait for the next.
  while (entry.ready && !entry.waiting.empty()) {
    UseOrError use = std::move(entry.waiting.front());
    entry.waiting.pop_front();
    use(entry.room.get());
  }
}

void RoomManager::List(std::string after, size_t count, Wanted wanted,
                       absl::AnyInvocable<void(std::vector<v1::Room>)> done) {
  Gather<v1::Room>(
      shards_,
      [this, after = std::move(after), count, wanted = std::move(wanted)](int shard) {
        return ListOn(shard, after, count, wanted);
      },
      [count, done = std::move(done)](std::vector<v1::Room> rooms) mutable {
        std::sort(rooms.begin(), rooms.end(), [](const v1::Room& a, const v1::Room& b) { return a.id() < b.id(); });
        if (rooms.size() > count) rooms.resize(count);
        done(std::move(rooms));
      });
}

std::vector<v1::Room> RoomManager::ListOn(int shard, const std::string& after, size_t count,
                                          const Wanted& wanted) const {
  std::vector<const Room*> found;
  for (const auto& [id, entry] : rooms_[shard]->rooms) {
    if (id > after && entry->ready && wanted(*entry->room)) found.push_back(entry->room.get());
  }
  const auto by_id = [](const Room* a, const Room* b) { return a->id() < b->id(); };
  const size_t kept = std::min(count, found.size());
  std::partial_sort(found.begin(), found.begin() + kept, found.end(), by_id);
  std::vector<v1::Room> rooms;
  rooms.reserve(kept);
  for (size_t i = 0; i < kept; ++i) rooms.push_back(found[i]->Describe());
  return rooms;
}

std::vector<ListedRoom> RoomManager::ListedOn(int shard) const {
  std::vector<ListedRoom> listed;
  for (const auto& [id, entry] : rooms_[shard]->rooms) {
    if (std::optional<ListedRoom> room = FindListed(shard, id)) listed.push_back(*std::move(room));
  }
  std::sort(listed.begin(), listed.end(), [](const ListedRoom& a, const ListedRoom& b) { return a.id < b.id; });
  return listed;
}

std::optional<ListedRoom> RoomManager::FindListed(int shard, const std::string& room_id) const {
  const auto it = rooms_[shard]->rooms.find(room_id);
  if (it == rooms_[shard]->rooms.end() || !it->second->ready) return std::nullopt;
  const Room& room = *it->second->room;
  if (room.type() == nullptr || !room.listed()) return std::nullopt;
  return ListedRoom{.id = room_id, .metadata = room.Metadata()};
}

int64_t RoomManager::room_count() const {
  int64_t count = 0;
  for (const auto& here : rooms_) {
    for (const RoomCounters& counters : here->counters) count += counters.rooms.value();
  }
  return count;
}

}  // namespace atrium
