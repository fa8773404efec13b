#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/random/random.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/common/fifo.h"
#include "server/common/headroom.h"
#include "server/common/indexed_map.h"
#include "server/common/rare.h"
#include "server/live/authoring/room_registry.h"
#include "server/live/manager/destroyed_rooms.h"
#include "server/live/manager/list_page.h"
#include "server/live/manager/room_feed.h"
#include "server/live/manager/sleeping_rooms.h"
#include "server/live/rooms/room.h"
#include "server/live/shards/gather.h"
#include "server/live/shards/sliced_work.h"
#include "server/wire/deflate.h"

namespace atrium {

// All rooms: finds the shard of a room id, and on it the running room.
//
// Thread safety: any thread may call the public methods, except InSlices. A `use` and the `done` of Destroy run on the
// room's shard; the other methods say where theirs run. The shards must have stopped before the destructor runs.
class RoomManager final : private RoomFeed::Source {
 public:
  // `workers` must stop before the shards do. `room_log` is null if durable rooms live in memory only, and `headroom`
  // if there may be any number of rooms.
  RoomManager(const RoomRegistry& registry, RoomSettings settings, std::vector<Shard*> shards, Workers& workers,
              Log& log, RoomLog* room_log = nullptr, Headroom* headroom = nullptr);

  // Learns which rooms the log has. It is called before anything else is asked. `done` gets the log's errors, on a
  // thread of the log, or at once if there is no log.
  void Start(absl::AnyInvocable<void(absl::Status)> done);

  // Returns a shard as the place of readers.
  Site& site(int shard) { return *sites_[shard]; }

  // Calls `use` with the room, or with null if there is no such room. It waits while the room is being created, loaded
  // or destroyed. DATA_LOSS, UNAVAILABLE or RESOURCE_EXHAUSTED if it is durable and cannot be loaded.
  using Use = absl::AnyInvocable<void(absl::StatusOr<Room*>)>;
  void Find(std::string room_id, Use use);

  // Does the same, but creates the room if there is none; `initial_state` is then the state of an untyped one.
  // RESOURCE_EXHAUSTED if that is too large or has more than kMaxChangeValues, or if the server takes no further room
  // (Headroom), FAILED_PRECONDITION ("Room initialization failed") if OnCreate or OnLoad failed; else the errors of
  // Find.
  void FindOrCreate(std::string room_id, json::object initial_state, Use use);

  // Does the same for a reader that names a position of `known_epoch`, which is empty if it names none. NOT_FOUND if
  // that is the epoch of a room that Destroy has ended (live/manager/destroyed_rooms.h), whether or not there is
  // another room of that id now.
  void FindToWatch(std::string room_id, std::string known_epoch, Use use);

  // Takes everybody out of a room, who are told, and removes it. `done` runs when a durable room is removed from the
  // log too; of any other room, when all have been taken out, which may be before its last hook has ended. NOT_FOUND if
  // there is no such room; the errors of Find; UNAVAILABLE if the log could not remove it: then it stays.
  void Destroy(std::string room_id, absl::AnyInvocable<void(absl::Status)> done);

  // Which rooms are asked for, and what of them. `may_see` and `matches` run on all shards at
  // the same time; without one of them all match.
  struct Wanted {
    bool unlisted = true;
    // This runs first, so that rooms which are not for the asker cost little.
    std::function<bool(const std::string& room_id)> may_see;
    std::function<bool(const v1::Room&)> matches;
    bool metadata = true;
  };
  // Lists the rooms with the least ids after `after`, in their order: `count` of them, or as many as fit on a page. It
  // looks at them in slices, each of which sees its rooms as they are then. `done` runs on the shard that was last to
  // end.
  void List(std::string after, size_t count, Wanted wanted, absl::AnyInvocable<void(ListPage<v1::Room>)> done);

  // Runs `step` once in each turn of the room's shard, until it returns false. It is called on that shard; the room may
  // go meanwhile.
  void InSlices(absl::string_view room_id, SlicedWork::Step step) { InSlices(ShardOf(room_id), std::move(step)); }

  // Returns how many rooms are in memory.
  int64_t running_count() const;
  // Returns how many rooms there are, those that sleep in the log included. Others may come and go while it counts.
  int64_t room_count() const;

  const RoomRegistry& registry() const { return registry_; }
  const RoomSettings& settings() const { return settings_; }
  const std::vector<Shard*>& shards() const { return shards_; }
  // Returns the counters of the type with that index; the index behind the last is that of untyped rooms.
  const RoomCounters& counters(int shard, int type_index) const { return rooms_[shard]->counters[type_index]; }
  const Deflater& deflater(int shard) const { return rooms_[shard]->deflater; }

 private:
  // The phases of a room. Requests are served in kReady; in any other phase they wait for the next.
  enum class Phase : uint8_t {
    kBeginning,   // it is loaded or created
    kReady,       // it is used
    kIdle,        // nobody is in it: it is asked whether it stays, or is put aside
    kDestroying,  // it goes for good
    kLost,        // the log has refused it: it goes, and what the log has comes
  };
  // A room, and who waits for it.
  struct Entry {
    // This is null while the room is being loaded.
    std::unique_ptr<Room> room;
    Phase phase = Phase::kBeginning;
    // Whether somebody wants it even if it has to be created.
    bool wanted = false;
    Rare<Fifo<Use>> waiting;
    // These are told when it has gone for good.
    Rare<std::vector<absl::AnyInvocable<void(absl::Status)>>> on_destroyed;

    bool ready() const { return phase == Phase::kReady; }
    // Returns whether lists show it.
    bool shown() const { return phase == Phase::kReady || phase == Phase::kIdle; }
  };
  // The rooms of one shard, on which alone all but the counters is touched.
  struct ShardRooms {
    ShardRooms(Shard& shard, size_t types, const RoomSettings& settings)
        : counters(types), deflater(settings.compress_above), slices(shard) {}
    std::vector<RoomCounters> counters;
    Deflater deflater;
    // Rooms of each type run in one of these.
    std::vector<Room::Env> envs;
    absl::BitGen random;
    SlicedWork slices;
    SleepingRooms sleeping;
    DestroyedRooms destroyed;
    // The sleeping room that Sweep looked at last.
    std::string swept;
    // Rooms use all of the above until they are gone, so that they come last.
    IndexedMap<Entry> rooms;
  };
  class Walk;
  struct Listing;

  int ShardOf(absl::string_view room_id) const;
  static std::string NewEpoch(absl::BitGen& random);
  Room::Env MakeEnv(int shard, const RoomTypeInfo* type, RoomCounters& counters);
  const Room::Env& EnvOf(int shard, const RoomTypeInfo* type) const;
  bool Durable(const RoomTypeInfo* type) const;
  void FindOn(int shard, const std::string& room_id, Use use);
  void FindOrCreateOn(int shard, const std::string& room_id, json::object initial_state, Use use);
  void FindToWatchOn(int shard, const std::string& room_id, const std::string& known_epoch, Use use);
  void Create(int shard, const std::string& room_id, json::object initial_state, Use use);
  void StartRoom(int shard, const std::string& room_id, Entry& entry);
  void OnIdle(int shard, const std::string& room_id);
  void Remove(int shard, const std::string& room_id, const absl::Status& why);
  static void UseWhenReady(Entry& entry, Use use);
  void SetReady(int shard, Entry& entry);
  void ListOn(int shard, Listing listing, Gathered<v1::Room> answer);
  bool ListSome(int shard, Listing& listing) const;

  // What follows is about durable rooms.
  void LearnFrom(std::string after, absl::AnyInvocable<void(absl::Status)> done);
  void Load(int shard, const std::string& room_id, bool create, Use use);
  void OnLoaded(int shard, const std::string& room_id, absl::StatusOr<std::optional<StoredRoom>> stored);
  void OnNotLoaded(int shard, const std::string& room_id, const absl::Status& why);
  void PutAside(int shard, const std::string& room_id, Entry& entry);
  void Erase(int shard, const std::string& room_id, Entry& entry);
  void OnLost(int shard, const std::string& room_id);
  // Drops the room from memory, so that it is in the log only.
  void Sleep(int shard, const std::string& room_id);
  void OnIdleDurable(int shard, const std::string& room_id, Entry& entry);
  // Looks at some of those that sleep, time and again, and wakes those that are too old, which then expire.
  void Sweep(int shard);
  // Asks the room whether it goes for good.
  void Expire(int shard, const std::string& room_id, Entry& entry);

  // RoomFeed::Source.
  void InSlices(int shard, SlicedWork::Step step) override { rooms_[shard]->slices.Add(std::move(step)); }
  bool ListMore(int shard, std::string& after, std::vector<ListedRoom>& listed) const override;
  bool Watchable(const std::string& room_id) const override { return registry_.TypeOf(room_id) != nullptr; }
  std::optional<ListedRoom> FindListed(int shard, const std::string& room_id) const override;
  void WhenAllStored(int shard, Shard::Task task) override;

  const RoomRegistry& registry_;
  const RoomSettings settings_;
  const std::vector<Shard*> shards_;
  std::vector<std::unique_ptr<LocalSite>> sites_;
  Workers& workers_;
  Log& log_;
  RoomLog* const room_log_;
  Headroom* const headroom_;
  // Rooms use this until they are gone, so that it comes before them.
  RoomFeed feed_;
  std::vector<std::unique_ptr<ShardRooms>> rooms_;
};

}  // namespace atrium
