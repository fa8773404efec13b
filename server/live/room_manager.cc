#include "server/live/room_manager.h"

#include <algorithm>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_format.h"
#include "server/live/gather.h"
#include "server/live/room_errors.h"

namespace atrium {

RoomManager::RoomManager(const RoomRegistry& registry, RoomSettings settings, std::vector<Shard*> shards, Log& log)
    : registry_(registry), settings_(settings), shards_(std::move(shards)), log_(log) {
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
    const auto& rooms = rooms_[shard]->rooms;
    const auto it = rooms.find(room_id);
    use(it == rooms.end() ? nullptr : it->second.get());
  });
}

void RoomManager::FindOrCreate(std::string room_id, json::object initial_state, UseOrError use) {
  const int shard = ShardOf(room_id);
  shards_[shard]->Post(
      [this, shard, room_id = std::move(room_id), initial_state = std::move(initial_state),
       use = std::move(use)]() mutable { use(FindOrCreateOn(shard, std::move(room_id), std::move(initial_state))); });
}

absl::StatusOr<Room*> RoomManager::FindOrCreateOn(int shard, std::string room_id, json::object initial_state) {
  ShardRooms& here = *rooms_[shard];
  if (const auto it = here.rooms.find(room_id); it != here.rooms.end()) return it->second.get();

  const size_t limit = settings_.max_state_bytes;
  if (limit > 0 && JsonSize(initial_state) > limit) return StateTooLarge();
  const RoomTypeInfo* type = registry_.TypeOf(room_id);
  std::string epoch = absl::StrFormat("%016x", absl::Uniform<uint64_t>(here.random));
  auto room = std::make_unique<Room>(
      room_id, type, std::move(initial_state), std::move(epoch),
      Room::Env{.shard = *shards_[shard],
                .shards = static_cast<int>(shards_.size()),
                .settings = settings_,
                .counters = here.counters[type == nullptr ? registry_.types().size() : type->index],
                .log = log_,
                .remove = [&here](const std::string& id) { here.rooms.erase(id); }});
  return here.rooms.emplace(std::move(room_id), std::move(room)).first->second.get();
}

void RoomManager::List(std::string after, size_t count, absl::AnyInvocable<void(std::vector<v1::Room>)> done) {
  Gather<v1::Room>(
      shards_, [this, after = std::move(after), count](int shard) { return ListOn(shard, after, count); },
      [count, done = std::move(done)](std::vector<v1::Room> rooms) mutable {
        std::sort(rooms.begin(), rooms.end(), [](const v1::Room& a, const v1::Room& b) { return a.id() < b.id(); });
        if (rooms.size() > count) rooms.resize(count);
        done(std::move(rooms));
      });
}

std::vector<v1::Room> RoomManager::ListOn(int shard, const std::string& after, size_t count) const {
  std::vector<const Room*> found;
  for (const auto& [id, room] : rooms_[shard]->rooms) {
    if (id > after) found.push_back(room.get());
  }
  const auto by_id = [](const Room* a, const Room* b) { return a->id() < b->id(); };
  const size_t kept = std::min(count, found.size());
  std::partial_sort(found.begin(), found.begin() + kept, found.end(), by_id);
  std::vector<v1::Room> rooms;
  rooms.reserve(kept);
  for (size_t i = 0; i < kept; ++i) rooms.push_back(found[i]->Describe());
  return rooms;
}

int64_t RoomManager::room_count() const {
  int64_t count = 0;
  for (const auto& here : rooms_) {
    for (const RoomCounters& counters : here->counters) count += counters.rooms.value();
  }
  return count;
}

}  // namespace atrium
