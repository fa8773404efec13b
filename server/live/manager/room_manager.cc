#include "server/live/manager/room_manager.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "server/live/manager/placement.h"
#include "server/live/rooms/room_errors.h"

namespace atrium {
namespace {

constexpr RoomOptions kUntypedOptions;

}  // namespace

RoomManager::RoomManager(const RoomRegistry& registry, RoomSettings settings, std::vector<Shard*> shards,
                         Workers& workers, Log& log, RoomLog* room_log, Headroom* headroom)
    : registry_(registry),
      settings_(settings),
      shards_(std::move(shards)),
      workers_(workers),
      log_(log),
      room_log_(room_log),
      headroom_(headroom),
      feed_(shards_, *this) {
  for (size_t i = 0; i < shards_.size(); ++i) {
    sites_.push_back(std::make_unique<LocalSite>(*shards_[i]));
    ShardRooms& here =
        *rooms_.emplace_back(std::make_unique<ShardRooms>(*shards_[i], registry_.types().size() + 1, settings_));
    for (size_t type = 0; type < here.counters.size(); ++type) {
      const bool typed = type < registry_.types().size();
      here.envs.push_back(
          MakeEnv(static_cast<int>(i), typed ? registry_.types()[type].get() : nullptr, here.counters[type]));
    }
  }
}

std::string RoomManager::NewEpoch(absl::BitGen& random) {
  // A std::string holds the characters of 60 bits without an allocation.
  return absl::StrFormat("%015x", absl::Uniform<uint64_t>(random) >> 4);
}

int RoomManager::ShardOf(absl::string_view room_id) const {
  return ShardOfPartition(Partition(room_id), shards_.size());
}

void RoomManager::Find(std::string room_id, Use use) {
  const int shard = ShardOf(room_id);
  shards_[shard]->Post([this, shard, room_id = std::move(room_id), use = std::move(use)]() mutable {
    FindOn(shard, room_id, std::move(use));
  });
}

namespace {

// Returns whether the room has gone while somebody waited for it, so that there may be another now.
bool HasGone(const absl::Status& status) { return absl::IsNotFound(status) || absl::IsFailedPrecondition(status); }

}  // namespace

void RoomManager::FindOn(int shard, const std::string& room_id, Use use) {
  Entry* const entry = rooms_[shard]->rooms.Find(room_id);
  if (entry == nullptr) {
    if (!rooms_[shard]->sleeping.contains(room_id)) return use(nullptr);
    return Load(shard, room_id, /*create=*/false, std::move(use));
  }
  if (entry->ready()) return use(entry->room.get());
  UseWhenReady(*entry, [this, shard, room_id, use = std::move(use)](absl::StatusOr<Room*> room) mutable {
    if (room.ok() || !HasGone(room.status())) return use(std::move(room));
    // Who waited before this may have made a new one, and a session that goes is to be taken out of that.
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
  Entry* const entry = rooms_[shard]->rooms.Find(room_id);
  if (entry == nullptr) {
    // A room that sleeps is no new one.
    if (headroom_ != nullptr && !rooms_[shard]->sleeping.contains(room_id)) {
      if (absl::Status refusal = headroom_->ForRoom(running_count()); !refusal.ok()) return use(std::move(refusal));
    }
    if (Durable(registry_.TypeOf(room_id))) return Load(shard, room_id, /*create=*/true, std::move(use));
    return Create(shard, room_id, std::move(initial_state), std::move(use));
  }
  entry->wanted = true;
  if (entry->ready()) return use(entry->room.get());
  // If it is being destroyed, a new one is made behind it.
  UseWhenReady(*entry, [this, shard, room_id, initial_state = std::move(initial_state),
                        use = std::move(use)](absl::StatusOr<Room*> room) mutable {
    if (!absl::IsNotFound(room.status())) return use(std::move(room));
    FindOrCreateOn(shard, room_id, std::move(initial_state), std::move(use));
  });
}

void RoomManager::FindToWatch(std::string room_id, std::string known_epoch, Use use) {
  const int shard = ShardOf(room_id);
  shards_[shard]->Post(
      [this, shard, room_id = std::move(room_id), known_epoch = std::move(known_epoch),
       use = std::move(use)]() mutable { FindToWatchOn(shard, room_id, known_epoch, std::move(use)); });
}

void RoomManager::FindToWatchOn(int shard, const std::string& room_id, const std::string& known_epoch, Use use) {
  ShardRooms& here = *rooms_[shard];
  if (here.destroyed.Contains(known_epoch, room_id, shards_[shard]->Steady())) return use(RoomDestroyed(room_id));
  Use use_or_again = [this, shard, room_id, known_epoch, use = std::move(use)](absl::StatusOr<Room*> room) mutable {
    if (!absl::IsNotFound(room.status())) return use(std::move(room));
    FindToWatchOn(shard, room_id, known_epoch, std::move(use));
  };
  Entry* const entry = here.rooms.Find(room_id);
  if (entry == nullptr || entry->ready()) return FindOrCreateOn(shard, room_id, {}, std::move(use_or_again));
  // It may be that very room, on its way out.
  entry->wanted = true;
  UseWhenReady(*entry, std::move(use_or_again));
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
          .room_log = room_log_,
          .on_lost = [this, shard](const std::string& id) { OnLost(shard, std::string(id)); }};
}

const Room::Env& RoomManager::EnvOf(int shard, const RoomTypeInfo* type) const {
  return rooms_[shard]->envs[type == nullptr ? registry_.types().size() : type->index];
}

void RoomManager::Create(int shard, const std::string& room_id, json::object initial_state, Use use) {
  ShardRooms& here = *rooms_[shard];
  const size_t limit = settings_.max_state_bytes;
  json::value state(std::move(initial_state));
  // A first state is one change of what is empty, so that its entries may be as many.
  constexpr size_t kMostValues = kMaxChangeValues + 1;
  if (CountValues(state, kMostValues) > kMostValues) return use(StateChangeTooLarge("Room"));
  const ValueSize size = SizeOf(state);
  if (limit > 0 && static_cast<size_t>(size.json) > limit) return use(StateTooLarge());
  if (size.proto > kMaxProtoBytes) return use(StateTooLargeAsProto());
  Entry& entry = here.rooms[room_id];
  entry.waiting.Get().push_back(std::move(use));
  entry.room = std::make_unique<Room>(room_id, std::move(state.get_object()), NewEpoch(here.random),
                                      EnvOf(shard, registry_.TypeOf(room_id)));
  StartRoom(shard, room_id, entry);
}

void RoomManager::StartRoom(int shard, const std::string& room_id, Entry& entry) {
  entry.room->Create([this, shard, room_id, &entry](absl::Status verdict) {
    if (verdict.ok() && entry.phase != Phase::kLost) return SetReady(shard, entry);
    // A lost room goes when it is idle.
    if (verdict.ok()) return;
    // The room is not removed from inside its own code.
    shards_[shard]->Post([this, shard, room_id] { Remove(shard, room_id, RoomInitializationFailed()); });
  });
}

void RoomManager::Destroy(std::string room_id, absl::AnyInvocable<void(absl::Status)> done) {
  const int shard = ShardOf(room_id);
  Find(room_id, [this, shard, room_id, done = std::move(done)](absl::StatusOr<Room*> room) mutable {
    if (!room.ok()) return done(room.status());
    if (*room == nullptr) return done(RoomNotFound(room_id));
    Entry& entry = rooms_[shard]->rooms.At(room_id);
    // Whoever comes now waits for the new room.
    entry.phase = Phase::kDestroying;
    feed_.Changed(shard, room_id);
    (*room)->Clear();
    if ((*room)->storage().durable()) {
      entry.on_destroyed.Get().push_back(std::move(done));
    } else {
      done(absl::OkStatus());
    }
  });
}

void RoomManager::OnIdle(int shard, const std::string& room_id) {
  Entry& entry = rooms_[shard]->rooms.At(room_id);
  if (entry.ready()) entry.phase = Phase::kIdle;
  if (entry.room->storage().durable()) return OnIdleDurable(shard, room_id, entry);
  entry.room->Destroy([this, shard, room_id, &entry](bool destroy) {
    shards_[shard]->Post([this, shard, room_id, destroy, &entry] {
      if (destroy && entry.room->idle()) return Remove(shard, room_id, RoomNotFound(room_id));
      entry.room->Stay();
      SetReady(shard, entry);
    });
  });
}

void RoomManager::Remove(int shard, const std::string& room_id, const absl::Status& why) {
  const auto node = rooms_[shard]->rooms.Extract(room_id);
  Entry& entry = node.mapped();
  if (Durable(registry_.TypeOf(room_id))) room_log_->Close(room_id);
  if (entry.phase == Phase::kDestroying) {
    rooms_[shard]->destroyed.Add(entry.room->position().epoch(), room_id, shards_[shard]->Steady());
  }
  entry.room = nullptr;
  feed_.Changed(shard, room_id);
  for (Use& use : entry.waiting.Take()) use(why);
}

void RoomManager::UseWhenReady(Entry& entry, Use use) {
  if (entry.ready()) return use(entry.room.get());
  entry.waiting.Get().push_back(std::move(use));
}

void RoomManager::SetReady(int shard, Entry& entry) {
  entry.phase = Phase::kReady;
  rooms_[shard]->sleeping.Remove(entry.room->id());
  feed_.Changed(shard, entry.room->id());
  // One of them may destroy the room, and those behind it wait for the next.
  while (entry.ready() && !entry.waiting->empty()) {
    Fifo<Use>& waiting = entry.waiting.Get();
    Use use = std::move(waiting.front());
    waiting.pop_front();
    use(entry.room.get());
  }
  if (entry.waiting->empty()) entry.waiting.Reset();
}

int64_t RoomManager::running_count() const {
  int64_t count = 0;
  for (const auto& here : rooms_) {
    for (const RoomCounters& counters : here->counters) count += counters.rooms.value();
  }
  return count;
}

int64_t RoomManager::room_count() const {
  int64_t count = running_count();
  for (const auto& here : rooms_) count += here->sleeping.count();
  return count;
}

}  // namespace atrium
