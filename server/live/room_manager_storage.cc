// How the manager loads durable rooms from the store, and puts them aside.

#include <utility>

#include "server/live/restored_room.h"
#include "server/live/room_errors.h"
#include "server/live/room_manager.h"

namespace atrium {
namespace {

constexpr size_t kHeadsAtOnce = 10'000;

// A thousand rooms are looked at in 4 s, without holding up anything.
constexpr absl::Duration kSweepInterval = absl::Seconds(1);
constexpr int kSweptAtOnce = 256;

}  // namespace

bool RoomManager::Durable(const RoomTypeInfo* type) const {
  return store_ != nullptr && type != nullptr && type->options.durable;
}

void RoomManager::Start(absl::AnyInvocable<void(absl::Status)> done) {
  if (store_ == nullptr) return done(absl::OkStatus());
  if (settings_.durable_ttl > absl::ZeroDuration()) {
    for (Shard* shard : shards_) {
      shard->Post([this, index = shard->index()] { Sweep(index); });
    }
  }
  LearnFrom("", std::move(done));
}

void RoomManager::LearnFrom(std::string after, absl::AnyInvocable<void(absl::Status)> done) {
  store_->List(std::move(after), kHeadsAtOnce,
               [this, done = std::move(done)](absl::StatusOr<std::vector<StoredHead>> heads) mutable {
                 if (!heads.ok()) return done(heads.status());
                 if (heads->empty()) return done(absl::OkStatus());
                 std::string last = heads->back().room_id;
                 for (StoredHead& head : *heads) {
                   const int shard = ShardOf(head.room_id);
                   shards_[shard]->Post([this, shard, head = std::move(head)]() mutable {
                     // One whose class is gone stays in the store.
                     if (!Durable(registry_.TypeOf(head.room_id))) return;
                     rooms_[shard]->sleeping.Put(head.room_id, std::move(head.head));
                   });
                 }
                 LearnFrom(std::move(last), std::move(done));
               });
}

void RoomManager::Load(int shard, const std::string& room_id, bool create, Use use) {
  Entry& entry = rooms_[shard]->rooms[room_id];
  entry.wanted = create;
  entry.waiting.Get().push_back(std::move(use));
  store_->Open(room_id, [this, shard, room_id](absl::StatusOr<absl::optional<StoredRoom>> stored) {
    shards_[shard]->Post(
        [this, shard, room_id, stored = std::move(stored)]() mutable { OnLoaded(shard, room_id, std::move(stored)); });
  });
}

void RoomManager::OnLoaded(int shard, const std::string& room_id, absl::StatusOr<absl::optional<StoredRoom>> stored) {
  Entry& entry = rooms_[shard]->rooms.at(room_id);
  const RoomTypeInfo* const type = registry_.TypeOf(room_id);
  if (!stored.ok()) return OnNotLoaded(shard, room_id, stored.status());
  if (!*stored) {
    rooms_[shard]->sleeping.Remove(room_id);
    if (!entry.wanted) return Remove(shard, room_id, RoomNotFound(room_id));
    entry.room = std::make_unique<Room>(room_id, json::object(), NewEpoch(rooms_[shard]->random), EnvOf(shard, type));
    return Begin(shard, room_id, entry);
  }
  absl::StatusOr<RestoredRoom> restored = RestoreRoom(*type, **stored);
  if (!restored.ok()) return OnNotLoaded(shard, room_id, restored.status());
  entry.room = std::make_unique<Room>(room_id, *restored, EnvOf(shard, type));
  Begin(shard, room_id, entry);
}

void RoomManager::OnNotLoaded(int shard, const std::string& room_id, const absl::Status& why) {
  log_.Error("room could not be loaded", {{"room", room_id}, {"error", why.message()}});
  Remove(shard, room_id, RoomNotStored(why));
}

void RoomManager::OnIdleDurable(int shard, const std::string& room_id, Entry& entry) {
  if (entry.lost) return shards_[shard]->Post([this, shard, room_id] { Sleep(shard, room_id); });
  if (entry.destroyed) return Erase(shard, room_id, entry);
  const absl::Duration ttl = settings_.durable_ttl;
  const bool old = ttl > absl::ZeroDuration() && entry.room->Now() - entry.room->last_activity_time() >= ttl;
  return old ? Expire(shard, room_id, entry) : PutAside(shard, room_id, entry);
}

void RoomManager::PutAside(int shard, const std::string& room_id, Entry& entry) {
  entry.room->PutAside([this, shard, room_id](const absl::Status& status) {
    // Else the room is lost, which has its own way.
    if (!status.ok()) return;
    shards_[shard]->Post([this, shard, room_id] { Sleep(shard, room_id); });
  });
}

void RoomManager::Sleep(int shard, const std::string& room_id) {
  Entry& entry = rooms_[shard]->rooms.at(room_id);
  rooms_[shard]->sleeping.Put(room_id, entry.room->Head());
  for (auto& done : entry.on_destroyed.Take()) done(RoomNotStored(absl::UnavailableError("lost")));
  Remove(shard, room_id, RoomNotFound(room_id));
}

void RoomManager::Erase(int shard, const std::string& room_id, Entry& entry) {
  entry.room->Erase([this, shard, room_id](const absl::Status& status) {
    shards_[shard]->Post([this, shard, room_id, status] {
      if (!status.ok()) return Sleep(shard, room_id);
      auto done = rooms_[shard]->rooms.at(room_id).on_destroyed.Take();
      Remove(shard, room_id, RoomNotFound(room_id));
      for (auto& destroyed : done) destroyed(absl::OkStatus());
    });
  });
}

void RoomManager::WhenStored(int shard, Shard::Task task) {
  if (store_ == nullptr) return task();
  // The log gets what this turn has changed at its end.
  shards_[shard]->AtTurnEnd([this, shard, task = std::move(task)]() mutable {
    store_->Barrier([this, shard, task = std::move(task)]() mutable { shards_[shard]->Post(std::move(task)); });
  });
}

void RoomManager::Sweep(int shard) {
  ShardRooms& here = *rooms_[shard];
  const absl::Time oldest = shards_[shard]->Now() - settings_.durable_ttl;
  std::vector<std::string> old;
  int left = kSweptAtOnce;
  here.sleeping.ForEach(std::exchange(here.swept, ""), [&](const v1::Room& room) {
    if (FromTimestamp(room.last_activity_time()) < oldest) old.push_back(room.id());
    if (--left == 0) here.swept = room.id();
    return left > 0;
  });
  // Once it is there it is found to be too old when it is found to be empty.
  for (const std::string& room_id : old) FindOn(shard, room_id, [](const absl::StatusOr<Room*>&) {});
  shards_[shard]->After(kSweepInterval, [this, shard] { Sweep(shard); });
}

void RoomManager::Expire(int shard, const std::string& room_id, Entry& entry) {
  entry.room->Destroy([this, shard, room_id, &entry](bool destroy) {
    shards_[shard]->Post([this, shard, room_id, destroy, &entry] {
      if (entry.lost) return;
      if (!destroy) entry.room->Touch();
      return destroy ? Erase(shard, room_id, entry) : PutAside(shard, room_id, entry);
    });
  });
}

void RoomManager::OnLost(int shard, const std::string& room_id) {
  Entry& entry = rooms_[shard]->rooms.at(room_id);
  entry.ready = false;
  entry.lost = true;
  entry.room->Abandon();
}

}  // namespace atrium
