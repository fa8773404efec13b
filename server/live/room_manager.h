#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/node_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/random/random.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/common/fifo.h"
#include "server/common/rare.h"
#include "server/live/room.h"
#include "server/live/room_feed.h"
#include "server/live/room_registry.h"
#include "server/live/sleeping_rooms.h"
#include "server/wire/deflate.h"

namespace atrium {

// All rooms: finds the shard of a room id, and on it the running room.
//
// Thread safety: Find, FindOrCreate and List from any thread; what they are given runs on the room's shard. The
// shards must have stopped before the destructor runs.
class RoomManager final : private RoomFeed::Source {
 public:
  // `workers` have stopped before the shards have. `store` is null if durable rooms live in memory only.
  RoomManager(const RoomRegistry& registry, RoomSettings settings, std::vector<Shard*> shards, Workers& workers,
              Log& log, RoomLog* store = nullptr);

  // Learns which rooms the store has; `done` gets its errors, on a thread of the store. Before anything else.
  void Start(absl::AnyInvocable<void(absl::Status)> done);

  // Null if there is no such room. Waits while a room is being created, loaded or destroyed. DATA_LOSS or UNAVAILABLE
  // if it is durable and cannot be loaded.
  using Use = absl::AnyInvocable<void(absl::StatusOr<Room*>)>;
  void Find(std::string room_id, Use use);

  // Creates the room if there is none; `initial_state` is then the state of an untyped one. RESOURCE_EXHAUSTED if that
  // is too large, FAILED_PRECONDITION ("Room initialization failed") if OnCreate or OnLoad failed; else as Find.
  void FindOrCreate(std::string room_id, json::object initial_state, Use use);

  // Takes everybody out of a room, who are told, and removes it, from the store too: `done` runs then. NOT_FOUND: no
  // such room.
  void Destroy(std::string room_id, absl::AnyInvocable<void(absl::Status)> done);

  // Which rooms are asked for. `matches` runs on all shards; none for all.
  struct Wanted {
    bool unlisted = true;
    std::function<bool(const v1::Room&)> matches;
  };
  // `count` rooms with the least ids after `after`, in their order.
  void List(std::string after, size_t count, Wanted wanted, absl::AnyInvocable<void(std::vector<v1::Room>)> done);

  // How many there are, those that sleep in the store included. Any thread; counted while it changes.
  int64_t room_count() const;

  const RoomRegistry& registry() const { return registry_; }
  const RoomSettings& settings() const { return settings_; }
  const std::vector<Shard*>& shards() const { return shards_; }
  // Of the type with that index; the index behind the last is that of untyped rooms.
  const RoomCounters& counters(int shard, int type_index) const { return rooms_[shard]->counters[type_index]; }
  const Deflater& deflater(int shard) const { return rooms_[shard]->deflater; }

 private:
  // A room, and who waits for it while it is created, loaded, put aside or destroyed.
  struct Entry {
    // Null while it is loaded.
    std::unique_ptr<Room> room;
    bool ready = false;
    // Somebody wants it even if it has to be created.
    bool wanted = false;
    // It is to go for good.
    bool destroyed = false;
    // The store has refused it.
    bool lost = false;
    Rare<Fifo<Use>> waiting;
    // Who wants to know that it has gone for good.
    Rare<std::vector<absl::AnyInvocable<void(absl::Status)>>> on_destroyed;
  };
  // The rooms of one shard; touched on it only, but for the counters.
  struct ShardRooms {
    ShardRooms(size_t types, const RoomSettings& settings) : counters(types), deflater(settings.compress_above) {}
    std::vector<RoomCounters> counters;
    Deflater deflater;
    // What rooms of each type run in.
    std::vector<Room::Env> envs;
    absl::BitGen random;
    SleepingRooms sleeping;
    // The last of them that was looked at for being too old.
    std::string swept;
    // Rooms count until they are gone: last.
    absl::node_hash_map<std::string, Entry> rooms;
  };

  int ShardOf(absl::string_view room_id) const;
  static std::string NewEpoch(absl::BitGen& random);
  Room::Env MakeEnv(int shard, const RoomTypeInfo* type, RoomCounters& counters);
  const Room::Env& EnvOf(int shard, const RoomTypeInfo* type) const;
  bool Durable(const RoomTypeInfo* type) const;
  void FindOn(int shard, const std::string& room_id, Use use);
  void FindOrCreateOn(int shard, const std::string& room_id, json::object initial_state, Use use);
  void Create(int shard, const std::string& room_id, json::object initial_state, Use use);
  void Begin(int shard, const std::string& room_id, Entry& entry);
  void OnIdle(int shard, const std::string& room_id);
  void Remove(int shard, const std::string& room_id, const absl::Status& why);
  static void UseWhenReady(Entry& entry, Use use);
  void SetReady(int shard, Entry& entry);
  std::vector<v1::Room> ListOn(int shard, const std::string& after, size_t count, const Wanted& wanted) const;

  // Of durable rooms.
  void LearnFrom(std::string after, absl::AnyInvocable<void(absl::Status)> done);
  void Load(int shard, const std::string& room_id, bool create, Use use);
  void OnLoaded(int shard, const std::string& room_id, absl::StatusOr<absl::optional<StoredRoom>> stored);
  void OnNotLoaded(int shard, const std::string& room_id, const absl::Status& why);
  void PutAside(int shard, const std::string& room_id, Entry& entry);
  void Erase(int shard, const std::string& room_id, Entry& entry);
  void OnLost(int shard, const std::string& room_id);
  // It is in the store only.
  void Sleep(int shard, const std::string& room_id);
  void OnIdleDurable(int shard, const std::string& room_id, Entry& entry);
  // Looks at some of those that sleep, time and again, and wakes what is too old.
  void Sweep(int shard);
  // The room decides whether it goes for good.
  void Expire(int shard, const std::string& room_id, Entry& entry);

  // RoomFeed::Source.
  std::vector<ListedRoom> ListedOn(int shard) const override;
  bool Watchable(const std::string& room_id) const override { return registry_.TypeOf(room_id) != nullptr; }
  std::optional<ListedRoom> FindListed(int shard, const std::string& room_id) const override;
  void WhenStored(int shard, Shard::Task task) override;

  const RoomRegistry& registry_;
  const RoomSettings settings_;
  const std::vector<Shard*> shards_;
  Workers& workers_;
  Log& log_;
  RoomLog* const store_;
  // Rooms use it until they are gone: before them.
  RoomFeed feed_;
  std::vector<std::unique_ptr<ShardRooms>> rooms_;
};

}  // namespace atrium
