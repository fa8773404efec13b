#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "server/engine/open_rooms.h"
#include "server/engine/room_log.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Env;
class Status;
}  // namespace rocksdb

namespace atrium {

// Rooms in RocksDB: what is stored where, and what its errors mean.
//
// Three column families, each keyed by room id: `heads`; `snapshots`, each value with its sequence and that of the
// oldest record before it, so that reading a room never walks over the records that were deleted; `records`, where the
// id is followed by a zero byte, which no id has, and the sequence, big-endian.
//
// Memory: at most 48 MiB of write buffers and 32 MiB of blocks. Files: at most 256 are open, and write-ahead logs have
// about 32 MiB, so that a start takes no longer with age.
//
// Thread safety: one thread writes (Commit, Recover); Read and List run on any thread beside it.
class RoomStore {
 public:
  // Writes that are committed together. One thread at a time.
  class Batch {
   public:
    void Append(RoomLog::Record record);
    void Save(RoomLog::Snapshot snapshot, OpenRooms::Range superfluous);
    void Erase(absl::string_view room_id, OpenRooms::Range records);

    bool empty() const { return changes_.empty(); }
    // Of keys and values.
    size_t bytes() const { return bytes_; }

   private:
    friend class RoomStore;
    // Without a value: a removal.
    struct Change {
      size_t family;
      std::string key;
      absl::optional<std::string> value;
    };

    void Add(Change change);
    void RemoveRecords(absl::string_view room_id, OpenRooms::Range records);

    std::vector<Change> changes_;
    size_t bytes_ = 0;
  };

  // Opens what is in `folder`, part of the data directory `directory`, or makes it. DATA_LOSS if it is damaged;
  // RESOURCE_EXHAUSTED, UNAVAILABLE if the disk fails. `env` is not owned.
  static absl::StatusOr<std::unique_ptr<RoomStore>> Open(std::string directory, std::string folder, rocksdb::Env* env);
  ~RoomStore();

  // Writes and syncs all of `batch`, or fails: UNAVAILABLE, RESOURCE_EXHAUSTED or DATA_LOSS. Then nothing can be
  // committed until Recover succeeds.
  absl::Status Commit(const Batch& batch);

  // Makes the store writable again after a commit that failed. When it succeeds, that commit is there or it is not,
  // and stays so. The same errors.
  absl::Status Recover();

  // DATA_LOSS if the room is damaged, UNAVAILABLE if it cannot be read.
  absl::StatusOr<absl::optional<StoredRoom>> Read(absl::string_view room_id) const;
  absl::StatusOr<std::vector<StoredHead>> List(absl::string_view after, size_t count) const;

 private:
  RoomStore(std::string directory, std::string folder, rocksdb::Env* env);

  absl::Status OpenDb();
  void CloseDb();
  // Whether the disk takes a file.
  absl::Status Probe() const;
  absl::Status ReadRecords(absl::string_view room_id, StoredRoom& room) const;
  absl::Status ErrorFrom(const rocksdb::Status& status) const;

  const std::string directory_;
  const std::string folder_;
  rocksdb::Env* const env_;
  // Exclusive only while the database is opened anew: then there is none.
  mutable std::shared_mutex reopening_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
};

}  // namespace atrium
