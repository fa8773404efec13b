#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace atrium::testing {

// The real file system, which fills up, fails, waits or loses power when a test says so. Knows what has been synced;
// does not sync the disk itself. Thread-safe.
class FaultyFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  FaultyFileSystem();

  const char* Name() const override { return "FaultyFileSystem"; }

  // No file can be made or grow.
  void SetFull(bool full);
  // So many syncs report an error, though the bytes have reached the file; all while it is negative.
  void FailSyncs(int count);
  // Syncs wait until released.
  void HoldSyncs(bool hold);
  // Syncs that wait now.
  int held_syncs() const;
  // Syncs report success and do nothing.
  void SetSyncsLie(bool lie);

  // The power goes after `operations` more that change something: from then on all fail.
  void LosePowerAfter(int64_t operations);
  bool power_lost() const;
  // Makes the disk what it is after that and ends the failing: files and names that were not synced are gone, or there
  // in part, as `random` has it.
  void Restart(std::mt19937& random);

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReuseWritableFile(const std::string& path, const std::string& old_path,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* file,
                                      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* directory,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;

 private:
  class File;
  class Directory;

  // A name that was given to a file, new or another's, and what was there before.
  struct Naming {
    std::string path;
    bool existed;
    std::string bytes;
  };

  rocksdb::IOStatus Change(bool grows);
  rocksdb::IOStatus Sync(const std::string& path, uint64_t size);
  rocksdb::IOStatus SyncDirectory();
  static void LoseBytes(const std::string& path, uint64_t synced, std::mt19937& random);

  mutable std::mutex mutex_;
  std::condition_variable released_;
  bool full_ = false, syncs_lie_ = false, hold_ = false, lost_ = false;
  int held_ = 0, failing_syncs_ = 0;
  int64_t operations_left_ = -1;                  // none: no limit
  std::map<std::string, uint64_t> synced_bytes_;  // of each file that was written to since the start
  std::vector<Naming> unsynced_names_;            // in order
};

}  // namespace atrium::testing
