// How the manager loads durable rooms from the log, and puts them aside.

#include <optional>
#include <utility>

#include "server/live/manager/room_manager.h"
#include "server/live/rooms/restored_room.h"
#include "server/live/rooms/room_errors.h"

namespace atrium {
namespace {

constexpr size_t kHeadsAtOnce = 10'000;

// A thousand rooms are looked at in 4 s, without holding up anything.
constexpr absl::Duration kSweepInterval = absl::Seconds(1);
constexpr int kSweptAtOnce = 256;

// Returns what is kept of a room that was asleep when the server started.
SleepingRooms::Sleeper Asleep(std::string head, const Shard& shard) {
  const absl::Time last_activity = FromTimestamp(SleepingRooms::Read(head).last_activity_time());
  return {.head = std::move(head), .last_activity = shard.ThisMoment().ToSteady(last_activity)};
}

}  // namespace

bool RoomManager::Durable(const RoomTypeInfo* type) const {
  return room_log_ != nullptr && type != nullptr && type->options.durable;
}

void RoomManager::Start(absl::AnyInvocable<void(absl::Status)> done) {
  if (room_log_ == nullptr) return done(absl::OkStatus());
  if (settings_.durable_ttl > absl::ZeroDuration()) {
    for (Shard* shard : shards_) {
      shard->Post([this, index = shard->index()] { Sweep(index); });
    }
  }
  LearnFrom("", std::move(done));
}

void RoomManager::LearnFrom(std::string after, absl::AnyInvocable<void(absl::Status)> done) {
  room_log_->List(std::move(after), kHeadsAtOnce,
                  [this, done = std::move(done)](absl::StatusOr<std::vector<StoredHead>> heads) mutable {
                    if (!heads.ok()) return done(heads.status());
                    if (heads->empty()) return done(absl::OkStatus());
                    std::string last = heads->back().room_id;
                    for (StoredHead& head : *heads) {
                      const int shard = ShardOf(head.room_id);
                      shards_[shard]->Post([this, shard, head = std::move(head)]() mutable {
                        // A room whose class is gone stays in the log.
                        if (!Durable(registry_.TypeOf(head.room_id))) return;
                        rooms_[shard]->sleeping.Put(head.room_id, Asleep(std::move(head.head), *shards_[shard]));
                      });
                    }
                    LearnFrom(std::move(last), std::move(done));
                  });
}

void RoomManager::Load(int shard, const std::string& room_id, bool create, Use use) {
  Entry& entry = rooms_[shard]->rooms[room_id];
  entry.wanted = create;
  entry.waiting.Get().push_back(std::move(use));
  room_log_->Open(room_id, [this, shard, room_id](absl::StatusOr<std::optional<StoredRoom>> stored) {
    shards_[shard]->Post(
        [this, shard, room_id, stored = std::move(stored)]() mutable { OnLoaded(shard, room_id, std::move(stored)); });
  });
}

void RoomManager::OnLoaded(int shard, const std::string& room_id, absl::StatusOr<std::optional<StoredRoom>> stored) {
  Entry& entry = rooms_[shard]->rooms.At(room_id);
  const RoomTypeInfo* const type = registry_.TypeOf(room_id);
  if (!stored.ok()) return OnNotLoaded(shard, room_id, stored.status());
  if (!*stored) {
    rooms_[shard]->sleeping.Remove(room_id);
    if (!entry.wanted) return Remove(shard, room_id, RoomNotFound(room_id));
    entry.room = std::make_unique<Room>(room_id, json::object(), NewEpoch(rooms_[shard]->random), EnvOf(shard, type));
    return StartRoom(shard, room_id, entry);
  }
  absl::StatusOr<RestoredRoom> restored = RestoreRoom(*type, **stored, shards_[shard]->ThisMoment());
  if (!restored.ok()) return OnNotLoaded(shard, room_id, restored.status());
  // The steady time that was kept is better than one worked out from the wall clock, which may have been set.
  const std::optional<SteadyTime> slept_since = rooms_[shard]->sleeping.LastActivity(room_id);
  if (slept_since) restored->last_activity = *slept_since;
  entry.room = std::make_unique<Room>(room_id, *std::move(restored), EnvOf(shard, type));
  StartRoom(shard, room_id, entry);
}

void RoomManager::OnNotLoaded(int shard, const std::string& room_id, const absl::Status& why) {
  log_.Error("room could not be loaded", {{"room", room_id}, {"error", why.message()}});
  Remove(shard, room_id, RoomNotStored(why));
}

void RoomManager::OnIdleDurable(int shard, const std::string& room_id, Entry& entry) {
  if (entry.phase == Phase::kLost) return shards_[shard]->Post([this, shard, room_id] { Sleep(shard, room_id); });
  if (entry.phase == Phase::kDestroying) return Erase(shard, room_id, entry);
  const absl::Duration ttl = settings_.durable_ttl;
  const bool old = ttl > absl::ZeroDuration() && shards_[shard]->Steady() - entry.room->last_activity() >= ttl;
  return old ? Expire(shard, room_id, entry) : PutAside(shard, room_id, entry);
}

void RoomManager::PutAside(int shard, const std::string& room_id, Entry& entry) {
  entry.room->storage().PutAside([this, shard, room_id](const absl::Status& status) {
    // If the log refused it, the room is lost, and OnLost deals with it.
    if (!status.ok()) return;
    shards_[shard]->Post([this, shard, room_id] { Sleep(shard, room_id); });
  });
}

void RoomManager::Sleep(int shard, const std::string& room_id) {
  Entry& entry = rooms_[shard]->rooms.At(room_id);
  rooms_[shard]->sleeping.Put(room_id, {entry.room->Describe().SerializeAsString(), entry.room->last_activity()});
  // If it was to be destroyed, it is not: it comes back as it was.
  entry.phase = Phase::kIdle;
  for (auto& done : entry.on_destroyed.Take()) done(RoomNotStored(absl::UnavailableError("lost")));
  Remove(shard, room_id, RoomNotFound(room_id));
}

void RoomManager::Erase(int shard, const std::string& room_id, Entry& entry) {
  entry.room->storage().Erase([this, shard, room_id](const absl::Status& status) {
    shards_[shard]->Post([this, shard, room_id, status] {
      if (!status.ok()) return Sleep(shard, room_id);
      auto done = rooms_[shard]->rooms.At(room_id).on_destroyed.Take();
      Remove(shard, room_id, RoomNotFound(room_id));
      for (auto& destroyed : done) destroyed(absl::OkStatus());
    });
  });
}

void RoomManager::WhenAllStored(int shard, Shard::Task task) {
  if (room_log_ == nullptr) return task();
  // The log gets what this turn has changed at its end.
  shards_[shard]->AtTurnEnd([this, shard, task = std::move(task)]() mutable {
    room_log_->Barrier([this, shard, task = std::move(task)]() mutable { shards_[shard]->Post(std::move(task)); });
  });
}

void RoomManager::Sweep(int shard) {
  ShardRooms& here = *rooms_[shard];
  const SteadyTime oldest = shards_[shard]->Steady() - settings_.durable_ttl;
  std::vector<std::string> old;
  int left = kSweptAtOnce;
  auto it = here.sleeping.After(std::exchange(here.swept, ""));
  for (; it != here.sleeping.end() && left > 0; ++it, --left) {
    if (it->second.last_activity < oldest) old.push_back(it->first);
    if (left == 1) here.swept = it->first;
  }
  // OnIdleDurable finds that a room that was woken is too old once it finds that it is empty.
  for (const std::string& room_id : old) FindOn(shard, room_id, [](const absl::StatusOr<Room*>&) {});
  shards_[shard]->After(kSweepInterval, [this, shard] { Sweep(shard); });
}

void RoomManager::Expire(int shard, const std::string& room_id, Entry& entry) {
  entry.room->Destroy([this, shard, room_id, &entry](bool destroy) {
    shards_[shard]->Post([this, shard, room_id, destroy, &entry] {
      if (entry.phase == Phase::kLost) return;
      if (!destroy) entry.room->Stay();
      return destroy ? Erase(shard, room_id, entry) : PutAside(shard, room_id, entry);
    });
  });
}

void RoomManager::OnLost(int shard, const std::string& room_id) {
  Entry& entry = rooms_[shard]->rooms.At(room_id);
  entry.phase = Phase::kLost;
  entry.room->Abandon();
}

}  // namespace atrium
