#include "server/engine/room_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <limits>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/common/status_macros.h"
#include "server/engine/log_errors.h"
#include "server/engine/store_files.h"

namespace atrium {
namespace {

// These are the places in families_; RocksDB wants its default family too.
enum Family : size_t { kDefault, kHeads, kSnapshots, kRecords, kFamilyCount };
constexpr const char* kFamilyNames[kFamilyCount] = {"default", "heads", "snapshots", "records"};

constexpr size_t kNumberSize = sizeof(uint64_t);

// Numbers are big-endian, so that keys are in the order of their numbers.
std::string BytesOf(uint64_t number) {
  std::string bytes(kNumberSize, '\0');
  for (size_t i = kNumberSize; i-- > 0; number >>= 8) bytes[i] = static_cast<char>(number & 0xff);
  return bytes;
}

// Reads the number that `bytes` begins with.
uint64_t NumberIn(absl::string_view bytes) {
  uint64_t number = 0;
  for (size_t i = 0; i < kNumberSize; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

// Returns what the keys of all records of a room begin with; the sequence follows.
std::string RecordKeys(absl::string_view room_id) { return absl::StrCat(room_id, absl::string_view("\0", 1)); }

rocksdb::Slice SliceOf(absl::string_view text) { return rocksdb::Slice(text.data(), text.size()); }
absl::string_view ViewOf(const rocksdb::Slice& slice) { return absl::string_view(slice.data(), slice.size()); }

rocksdb::DBOptions DatabaseOptions(rocksdb::Env* env) {
  rocksdb::DBOptions options;
  if (env) options.env = env;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.paranoid_checks = true;
  // PrepareStoreFiles has cut off what a crash left half written; whatever else is wrong with a log is damage.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kAbsoluteConsistency;
  options.track_and_verify_wals_in_manifest = true;
  // A start replays the write-ahead logs and the manifest.
  options.max_total_wal_size = 32 << 20;
  options.max_manifest_file_size = 4 << 20;
  options.skip_stats_update_on_db_open = true;
  options.max_open_files = 256;
  options.db_write_buffer_size = 48 << 20;
  options.max_background_jobs = 2;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.max_log_file_size = 1 << 20;
  options.keep_log_file_num = 2;
  return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> FamilyDescriptors() {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(32 << 20);
  table.cache_index_and_filter_blocks = true;
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kLZ4Compression;
  options.write_buffer_size = 16 << 20;
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const char* name : kFamilyNames) descriptors.emplace_back(name, options);
  return descriptors;
}

}  // namespace

void RoomStore::Batch::Add(Change change) {
  bytes_ += change.key.size() + (change.value ? change.value->size() : 0);
  changes_.push_back(std::move(change));
}

void RoomStore::Batch::Append(RoomLog::Record record) {
  Add({kRecords, RecordKeys(record.room_id) + BytesOf(record.sequence), std::move(record.bytes)});
  if (!record.head.empty()) Add({kHeads, std::move(record.room_id), std::move(record.head)});
}

void RoomStore::Batch::Save(RoomLog::Snapshot snapshot, OpenRooms::Range superfluous) {
  RemoveRecords(snapshot.room_id, superfluous);
  snapshot.bytes.insert(0, BytesOf(snapshot.sequence) + BytesOf(superfluous.last));
  Add({kSnapshots, snapshot.room_id, std::move(snapshot.bytes)});
  if (!snapshot.head.empty()) Add({kHeads, std::move(snapshot.room_id), std::move(snapshot.head)});
}

void RoomStore::Batch::Erase(absl::string_view room_id, OpenRooms::Range records) {
  RemoveRecords(room_id, records);
  Add({kSnapshots, std::string(room_id), std::nullopt});
  Add({kHeads, std::string(room_id), std::nullopt});
}

// Records are removed one by one: a range that is deleted costs every later read, while reads never come by these.
void RoomStore::Batch::RemoveRecords(absl::string_view room_id, OpenRooms::Range records) {
  for (uint64_t sequence = records.first; sequence < records.last; ++sequence) {
    Add({kRecords, RecordKeys(room_id) + BytesOf(sequence), std::nullopt});
  }
}

RoomStore::RoomStore(std::string directory, std::string folder, rocksdb::Env* env)
    : directory_(std::move(directory)), folder_(std::move(folder)), env_(env) {}

RoomStore::~RoomStore() { CloseDb(); }

absl::StatusOr<std::unique_ptr<RoomStore>> RoomStore::Open(std::string directory, std::string folder,
                                                           rocksdb::Env* env) {
  std::unique_ptr<RoomStore> store(new RoomStore(std::move(directory), std::move(folder), env));
  RETURN_IF_ERROR(store->OpenDb());
  return store;
}

absl::Status RoomStore::OpenDb() {
  RETURN_IF_ERROR(PrepareStoreFiles(directory_, folder_));
  rocksdb::DB* db = nullptr;
  if (const rocksdb::Status opened =
          rocksdb::DB::Open(DatabaseOptions(env_), folder_, FamilyDescriptors(), &families_, &db);
      !opened.ok()) {
    return ErrorFrom(opened);
  }
  db_.reset(db);
  return absl::OkStatus();
}

void RoomStore::CloseDb() {
  if (!db_) return;
  for (rocksdb::ColumnFamilyHandle* family : families_) db_->DestroyColumnFamilyHandle(family);
  families_.clear();
  db_.reset();
}

absl::Status RoomStore::Commit(const Batch& batch) {
  if (!db_) return LogUnavailable(directory_, "it could not be opened again after an error");
  rocksdb::WriteBatch writes(batch.bytes() + 32 * batch.changes_.size());
  for (const Batch::Change& change : batch.changes_) {
    const rocksdb::Status added = change.value ? writes.Put(families_[change.family], change.key, *change.value)
                                               : writes.Delete(families_[change.family], change.key);
    if (!added.ok()) return ErrorFrom(added);
  }
  rocksdb::WriteOptions synced;
  synced.sync = true;
  const rocksdb::Status written = db_->Write(synced, &writes);
  return written.ok() ? absl::OkStatus() : ErrorFrom(written);
}

absl::Status RoomStore::CheckFiles() const {
  rocksdb::Status found;
  if (db_) {
    std::unique_ptr<rocksdb::LogFile> log;
    found = db_->GetCurrentWalFile(&log);
  } else {
    // Without it, opening would make an empty store.
    rocksdb::Env* const env = env_ == nullptr ? rocksdb::Env::Default() : env_;
    found = env->FileExists(folder_ + "/CURRENT");
  }
  return found.ok() ? absl::OkStatus() : LogUnavailable(directory_, absl::StrCat("files are gone: ", found.ToString()));
}

// After an error in its log RocksDB 7.8 takes no more writes until it is opened anew (Resume does not help, not even
// when the disk was full). Until then it can be read, so it is not closed before the disk takes something.
absl::Status RoomStore::Recover() {
  if (db_) RETURN_IF_ERROR(Probe());
  const std::unique_lock lock(reopening_);
  CloseDb();
  return OpenDb();
}

absl::Status RoomStore::Probe() const {
  rocksdb::Env* const env = db_->GetEnv();
  const std::string path = directory_ + "/probe";
  rocksdb::Status written = rocksdb::WriteStringToFile(env, std::string(1 << 20, '\0'), path, /*should_sync=*/true);
  const rocksdb::Status removed = env->DeleteFile(path);
  if (written.ok()) written = removed;
  return written.ok() ? absl::OkStatus() : ErrorFrom(written);
}

absl::StatusOr<std::optional<StoredRoom>> RoomStore::Read(absl::string_view room_id) const {
  const std::shared_lock lock(reopening_);
  if (!db_) return LogUnavailable(directory_, "it could not be opened again after an error");
  StoredRoom room;
  std::string value;
  const rocksdb::Status got = db_->Get(rocksdb::ReadOptions(), families_[kSnapshots], SliceOf(room_id), &value);
  if (got.IsCorruption()) return RoomDamaged(room_id, got.ToString());
  if (!got.ok() && !got.IsNotFound()) return ErrorFrom(got);
  if (got.ok()) {
    if (value.size() < 2 * kNumberSize) return RoomDamaged(room_id, "its snapshot is cut short");
    room.snapshot_sequence = NumberIn(value);
    room.first_sequence = NumberIn(absl::string_view(value).substr(kNumberSize));
    room.snapshot = value.substr(2 * kNumberSize);
  }
  RETURN_IF_ERROR(ReadRecords(room_id, room));
  if (got.ok() && room.last_sequence() < room.snapshot_sequence) {
    return RoomDamaged(room_id, absl::StrCat("records up to ", room.snapshot_sequence, " are missing"));
  }
  if (got.IsNotFound() && room.records.empty()) return std::nullopt;
  return room;
}

absl::Status RoomStore::ReadRecords(absl::string_view room_id, StoredRoom& room) const {
  const std::string prefix = RecordKeys(room_id);
  const std::string end = absl::StrCat(room_id, "\1");
  const rocksdb::Slice bound(end);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options, families_[kRecords]));
  for (it->Seek(prefix + BytesOf(room.first_sequence)); it->Valid(); it->Next()) {
    const absl::string_view key = ViewOf(it->key());
    const uint64_t expected = room.last_sequence() + 1;
    if (key != prefix + BytesOf(expected)) {
      return RoomDamaged(room_id, absl::StrCat("record ", expected, " is missing"));
    }
    room.records.push_back(it->value().ToString());
  }
  if (it->status().IsCorruption()) return RoomDamaged(room_id, it->status().ToString());
  return it->status().ok() ? absl::OkStatus() : ErrorFrom(it->status());
}

absl::StatusOr<std::vector<StoredHead>> RoomStore::List(absl::string_view after, size_t count) const {
  const std::shared_lock lock(reopening_);
  if (!db_) return LogUnavailable(directory_, "it could not be opened again after an error");
  std::vector<StoredHead> heads;
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(rocksdb::ReadOptions(), families_[kHeads]));
  // This is the next possible key behind `after`.
  for (it->Seek(RecordKeys(after)); it->Valid() && heads.size() < count; it->Next()) {
    heads.push_back({it->key().ToString(), it->value().ToString()});
  }
  if (!it->status().ok()) return ErrorFrom(it->status());
  return heads;
}

absl::Status RoomStore::ErrorFrom(const rocksdb::Status& status) const {
  if (status.IsCorruption()) return LogDamaged(directory_, status.ToString());
  if (status.IsNoSpace()) return LogDiskFull(directory_, status.ToString());
  return LogUnavailable(directory_, status.ToString());
}

}  // namespace atrium
