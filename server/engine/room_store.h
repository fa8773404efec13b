#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
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
// There are three column families, each keyed by room id: `heads`; `snapshots`, whose values begin with the snapshot's
// sequence and that of the oldest record, so that reading a room never walks over records that were deleted; and
// `records`, where the id is followed by a zero byte, which no id has, and the sequence, big-endian.
//
// It takes at most 48 MiB of memory for write buffers and 32 MiB for blocks. At most 256 files are open, and
// write-ahead logs have about 32 MiB, so that a start takes no longer with age.
//
// Thread safety: one thread writes (Commit, Recover); Read and List may run on any thread beside it.
class RoomStore {
 public:
  // Writes that are committed together. One thread at a time may use it.
  class Batch {
   public:
    void Append(RoomLog::Record record);
    void Save(RoomLog::Snapshot snapshot, OpenRooms::Range superfluous);
    void Erase(absl::string_view room_id, OpenRooms::Range records);

    bool empty() const { return changes_.empty(); }
    // Returns how many bytes the keys and values have.
    size_t bytes() const { return bytes_; }

   private:
    friend class RoomStore;
    // A change without a value removes the key.
    struct Change {
      size_t family;
      std::string key;
      std::optional<std::string> value;
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

  // Returns UNAVAILABLE if the files that it writes to are not in their folder any more, because writing to them
  // succeeds, for nothing.
  absl::Status CheckFiles() const;

  // Makes the store writable again after a commit that failed. When it succeeds, that commit is there or it is not,
  // and stays so. Errors are those of Commit.
  absl::Status Recover();

  // Both fail with DATA_LOSS if what is stored is damaged, UNAVAILABLE if it cannot be read. Read gives nothing if
  // nothing is stored of the room.
  absl::StatusOr<std::optional<StoredRoom>> Read(absl::string_view room_id) const;
  absl::StatusOr<std::vector<StoredHead>> List(absl::string_view after, size_t count) const;

 private:
  RoomStore(std::string directory, std::string folder, rocksdb::Env* env);

  absl::Status OpenDb();
  void CloseDb();
  // Returns OK if the disk takes a file.
  absl::Status Probe() const;
  absl::Status ReadRecords(absl::string_view room_id, StoredRoom& room) const;
  absl::Status ErrorFrom(const rocksdb::Status& status) const;

  const std::string directory_;
  const std::string folder_;
  rocksdb::Env* const env_;
  // It is held exclusively only while the database is opened anew, because there is none then.
  mutable std::shared_mutex reopening_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
};

}  // namespace atrium
