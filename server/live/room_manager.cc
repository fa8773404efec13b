#include "server/live/room_manager.h"

#include <algorithm>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_format.h"
#include "server/live/gather.h"
#include "server/live/room_errors.h"

namespace atrium {
namespace {

constexpr RoomOptions kUntypedOptions;

}  // namespace

RoomManager::RoomManager(const RoomRegistry& registry, RoomSettings settings, std::vector<Shard*> shards,
                         Workers& workers, Log& log, RoomLog* store)
    : registry_(registry),
      settings_(settings),
      shards_(std::move(shards)),
      workers_(workers),
      log_(log),
      store_(store),
      feed_(shards_, *this) {
  for (size_t i = 0; i < shards_.size(); ++i) {
    ShardRooms& here = *rooms_.emplace_back(std::make_unique<ShardRooms>(registry_.types().size() + 1, settings_));
    for (size_t type = 0; type < here.counters.size(); ++type) {
      const bool typed = type < registry_.types().size();
      here.envs.push_back(
          MakeEnv(static_cast<int>(i), typed ? registry_.types()[type].get() : nullptr, here.counters[type]));
    }
  }
}

std::string RoomManager::NewEpoch(absl::BitGen& random) {
  // 60 bits: so many characters a std::string holds without an allocation.
  return absl::StrFormat("%015x", absl::Uniform<uint64_t>(random) >> 4);
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

namespace {

// It has gone while somebody waited for it: there may be another now.
bool HasGone(const absl::Status& status) { return absl::IsNotFound(status) || absl::IsFailedPrecondition(status); }

}  // namespace

void RoomManager::FindOn(int shard, const std::string& room_id, Use use) {
  const auto it = rooms_[shard]->rooms.find(room_id);
  if (it == rooms_[shard]->rooms.end()) {
    if (!rooms_[shard]->sleeping.contains(room_id)) return use(nullptr);
    return Load(shard, room_id, /*create=*/false, std::move(use));
  }
  if (it->second.ready) {
    it->second.room->PrefetchParts();
    return use(it->second.room.get());
  }
  UseWhenReady(it->second, [this, shard, room_id, use = std::move(use)](absl::StatusOr<Room*> room) mutable {
    if (room.ok() || !HasGone(room.status())) return use(std::move(room));
    // Who waited before may have made a new one: a session that goes is to be taken out of that.
    FindOn(shard, room_id, std::move(use));
  });
}

void RoomManager::FindOrCreate(std::string room_id, json::object initial_state, Use use) {
  const int shard = ShardOf(room_id);
  shards_[shard]->Post(
      [this, shard, room_id = std::move(room_id), initial_state = std::move(initial_state),
       use = std::move(use)]() mutable { FindOrCreateOn(shard, room_id, std::move(initial_state), std::move(use)); });
}

void RoomManager::FindOrCreateOn(int shard, const std::string& room_id, json::object initial_state, Use use) {
  const auto it = rooms_[shard]->rooms.find(room_id);
  if (it == rooms_[shard]->rooms.end()) {
    if (Durable(registry_.TypeOf(room_id))) return Load(shard, room_id, /*create=*/true, std::move(use));
    return Create(shard, room_id, std::move(initial_state), std::move(use));
  }
  it->second.wanted = true;
  if (it->second.ready) return use(it->second.room.get());
  // If it is being destroyed, a new one is made behind it.
  UseWhenReady(it->second, [this, shard, room_id, initial_state = std::move(initial_state),
                            use = std::move(use)](absl::StatusOr<Room*> room) mutable {
    if (!absl::IsNotFound(room.status())) return use(std::move(room));
    FindOrCreateOn(shard, room_id, std::move(initial_state), std::move(use));
  });
}

Room::Env RoomManager::MakeEnv(int shard, const RoomTypeInfo* type, RoomCounters& counters) {
  const RoomOptions& options = type == nullptr ? kUntypedOptions : type->options;
  return {.shard = *shards_[shard],
          .settings = settings_,
          .type = type,
          .options = options,
          .services = {.workers = workers_, .feed = feed_},
          .counters = counters,
          .fanout = {.shards = static_cast<int>(shards_.size()),
                     .history = options.history.value_or(settings_.history),
                     .terms = {.resume_window = options.resume_window.value_or(settings_.resume_window),
                               .slow_policy = options.slow_policy},
                     .deflater = &rooms_[shard]->deflater},
          .log = log_,
          .on_idle = [this, shard](const std::string& id) { OnIdle(shard, std::string(id)); },
          .store = store_,
          .on_lost = [this, shard](const std::string& id) { OnLost(shard, std::string(id)); }};
}

const Room::Env& RoomManager::EnvOf(int shard, const RoomTypeInfo* type) const {
  return rooms_[shard]->envs[type == nullptr ? registry_.types().size() : type->index];
}

void RoomManager::Create(int shard, const std::string& room_id, json::object initial_state, Use use) {
  ShardRooms& here = *rooms_[shard];
  const size_t limit = settings_.max_state_bytes;
  if (limit > 0 && JsonSize(initial_state) > limit) return use(StateTooLarge());
  Entry& entry = here.rooms[room_id];
  entry.waiting.Get().push_back(std::move(use));
  entry.room = std::make_unique<Room>(room_id, std::move(initial_state), NewEpoch(here.random),
                                      EnvOf(shard, registry_.TypeOf(room_id)));
  Begin(shard, room_id, entry);
}

void RoomManager::Begin(int shard, const std::string& room_id, Entry& entry) {
  entry.room->Create([this, shard, room_id, &entry](absl::Status verdict) {
    if (verdict.ok() && !entry.lost) return SetReady(shard, entry);
    // One that is lost goes when it is idle.
    if (verdict.ok()) return;
    // Not from inside of the room's own code.
    shards_[shard]->Post([this, shard, room_id] { Remove(shard, room_id, RoomInitializationFailed()); });
  });
}

void RoomManager::Destroy(std::string room_id, absl::AnyInvocable<void(absl::Status)> done) {
  const int shard = ShardOf(room_id);
  Find(room_id, [this, shard, room_id, done = std::move(done)](absl::StatusOr<Room*> room) mutable {
    if (!room.ok()) return done(room.status());
    if (*room == nullptr) return done(RoomNotFound(room_id));
    Entry& entry = rooms_[shard]->rooms.at(room_id);
    // Whoever comes now waits for the new room.
    entry.ready = false;
    entry.destroyed = true;
    feed_.Changed(shard, room_id);
    (*room)->Clear();
    if ((*room)->durable()) {
      entry.on_destroyed.Get().push_back(std::move(done));
    } else {
      done(absl::OkStatus());
    }
  });
}

void RoomManager::OnIdle(int shard, const std::string& room_id) {
  Entry& entry = rooms_[shard]->rooms.at(room_id);
  entry.ready = false;
  if (entry.room->durable()) return OnIdleDurable(shard, room_id, entry);
  entry.room->Destroy([this, shard, room_id, &entry](bool destroy) {
    shards_[shard]->Post([this, shard, room_id, destroy, &entry] {
      if (destroy && entry.room->idle()) return Remove(shard, room_id, RoomNotFound(room_id));
      entry.room->Stay();
      SetReady(shard, entry);
    });
  });
}

void RoomManager::Remove(int shard, const std::string& room_id, const absl::Status& why) {
  const auto node = rooms_[shard]->rooms.extract(room_id);
  Entry& entry = node.mapped();
  if (Durable(registry_.TypeOf(room_id))) store_->Close(room_id);
  entry.room = nullptr;
  feed_.Changed(shard, room_id);
  for (Use& use : entry.waiting.Take()) use(why);
}

void RoomManager::UseWhenReady(Entry& entry, Use use) {
  if (entry.ready) return use(entry.room.get());
  entry.waiting.Get().push_back(std::move(use));
}

void RoomManager::SetReady(int shard, Entry& entry) {
  entry.ready = true;
  rooms_[shard]->sleeping.Remove(entry.room->id());
  feed_.Changed(shard, entry.room->id());
  // One of them may destroy the room: those behind it wait for the next.
  while (entry.ready && !entry.waiting->empty()) {
    Fifo<Use>& waiting = entry.waiting.Get();
    Use use = std::move(waiting.front());
    waiting.pop_front();
    use(entry.room.get());
  }
  if (entry.waiting->empty()) entry.waiting.Reset();
}

void RoomManager::List(std::string after, size_t count, Wanted wanted,
                       absl::AnyInvocable<void(std::vector<v1::Room>)> done) {
  Gather<v1::Room>(
      shards_,
      [this, after = std::move(after), count, wanted = std::move(wanted)](int shard, auto answer) {
        WhenStored(shard, [rooms = ListOn(shard, after, count, wanted), answer = std::move(answer)]() mutable {
          answer(std::move(rooms));
        });
      },
      [count, done = std::move(done)](std::vector<v1::Room> rooms) mutable {
        std::sort(rooms.begin(), rooms.end(), [](const v1::Room& a, const v1::Room& b) { return a.id() < b.id(); });
        if (rooms.size() > count) rooms.resize(count);
        done(std::move(rooms));
      });
}

std::vector<v1::Room> RoomManager::ListOn(int shard, const std::string& after, size_t count,
                                          const Wanted& wanted) const {
  const ShardRooms& here = *rooms_[shard];
  std::vector<v1::Room> rooms;
  const auto add = [&](v1::Room room) {
    if (!wanted.matches || wanted.matches(room)) rooms.push_back(std::move(room));
    return rooms.size() < count;
  };
  std::vector<const Room*> running;
  for (const auto& [id, entry] : here.rooms) {
    if (id > after && entry.ready && (wanted.unlisted || entry.room->listed())) running.push_back(entry.room.get());
  }
  std::sort(running.begin(), running.end(), [](const Room* a, const Room* b) { return a->id() < b->id(); });
  for (const Room* room : running) {
    if (!add(room->Describe())) break;
  }
  const size_t awake = rooms.size();
  here.sleeping.ForEach(after, [&](const v1::Room& room) {
    // Of those, `count` again: which of both kinds come first is seen when they are merged.
    return (!wanted.unlisted && room.unlisted()) || add(room) || rooms.size() - awake < count;
  });
  return rooms;
}

std::vector<ListedRoom> RoomManager::ListedOn(int shard) const {
  std::vector<ListedRoom> listed;
  const auto add = [&](const std::string& id) {
    if (std::optional<ListedRoom> room = FindListed(shard, id)) listed.push_back(*std::move(room));
  };
  for (const auto& [id, entry] : rooms_[shard]->rooms) {
    if (!rooms_[shard]->sleeping.contains(id)) add(id);
  }
  rooms_[shard]->sleeping.ForEach("", [&](const v1::Room& room) {
    add(room.id());
    return true;
  });
  std::sort(listed.begin(), listed.end(), [](const ListedRoom& a, const ListedRoom& b) { return a.id < b.id; });
  return listed;
}

std::optional<ListedRoom> RoomManager::FindListed(int shard, const std::string& room_id) const {
  const auto it = rooms_[shard]->rooms.find(room_id);
  if (it != rooms_[shard]->rooms.end() && it->second.ready) {
    const Room& room = *it->second.room;
    if (room.type() == nullptr || !room.listed()) return std::nullopt;
    return ListedRoom{.id = room_id, .metadata = room.Metadata()};
  }
  const absl::optional<v1::Room> sleeping = rooms_[shard]->sleeping.Find(room_id);
  if (!sleeping || sleeping->unlisted()) return std::nullopt;
  google::protobuf::Value metadata;
  *metadata.mutable_struct_value() = sleeping->metadata();
  return ListedRoom{.id = room_id, .metadata = FromProtoValue(metadata)->get_object()};
}

int64_t RoomManager::room_count() const {
  int64_t count = 0;
  for (const auto& here : rooms_) {
    count += here->sleeping.count();
    for (const RoomCounters& counters : here->counters) count += counters.rooms.value();
  }
  return count;
}

}  // namespace atrium
