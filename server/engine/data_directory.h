#pragma once

#include <sys/stat.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace atrium {

// The directory that one atriumd keeps its data in, which is held for as long as this object lives. It has `lock`,
// `format` (the version of all the rest), and `rooms`, a RocksDB database. It is used by one thread.
class DataDirectory {
 public:
  // Makes the directory if there is none, and takes it. FAILED_PRECONDITION if another process or object has it, or
  // if a newer version wrote it; DATA_LOSS if `format` is damaged or gone; UNAVAILABLE, RESOURCE_EXHAUSTED if it
  // cannot be made, written or read. The message says what to do.
  static absl::StatusOr<std::unique_ptr<DataDirectory>> Take(std::string path);

  // Returns UNAVAILABLE if the directory is not at its path any more, or another one is, or its lock is gone, so that
  // another process may have it: it was removed, moved or replaced. Any thread may call this.
  absl::Status Check() const;

  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string rooms() const { return path_ + "/rooms"; }

 private:
  DataDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

  absl::Status CheckFormat() const;
  absl::Status WriteFormat() const;

  const std::string path_;
  const int lock_;
  // This tells whether another file stands in the place of the locked one.
  struct stat lock_identity_ {};
};

}  // namespace atrium
