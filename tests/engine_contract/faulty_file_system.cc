#include "tests/engine_contract/faulty_file_system.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace atrium::testing {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

constexpr uint64_t kPage = 4096;

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

class FaultyFileSystem::File final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  File(FaultyFileSystem& system, std::string path, std::unique_ptr<rocksdb::FSWritableFile> file, uint64_t size)
      : FSWritableFileOwnerWrapper(std::move(file)), system_(system), path_(std::move(path)), size_(size) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus status = system_.Change(/*grows=*/true); !status.ok()) return status;
    size_ += data.size();
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus status = system_.Change(/*grows=*/false); !status.ok()) return status;
    size_ = size;
    return FSWritableFileOwnerWrapper::Truncate(size, options, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus status = Flush(options, debug); !status.ok()) return status;
    return system_.Sync(path_, size_);
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override { return Sync(options, debug); }
  IOStatus RangeSync(uint64_t, uint64_t, const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  FaultyFileSystem& system_;
  const std::string path_;
  uint64_t size_;
};

class FaultyFileSystem::Directory final : public rocksdb::FSDirectoryWrapper {
 public:
  Directory(FaultyFileSystem& system, std::unique_ptr<rocksdb::FSDirectory> directory)
      : FSDirectoryWrapper(std::move(directory)), system_(system) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return system_.SyncDirectory(); }
  IOStatus FsyncWithDirOptions(const IOOptions&, IODebugContext*, const rocksdb::DirFsyncOptions&) override {
    return system_.SyncDirectory();
  }

 private:
  FaultyFileSystem& system_;
};

FaultyFileSystem::FaultyFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

void FaultyFileSystem::SetFull(bool full) {
  const std::lock_guard lock(mutex_);
  full_ = full;
}

void FaultyFileSystem::FailSyncs(int count) {
  const std::lock_guard lock(mutex_);
  failing_syncs_ = count;
}

void FaultyFileSystem::SetSyncsLie(bool lie) {
  const std::lock_guard lock(mutex_);
  syncs_lie_ = lie;
}

void FaultyFileSystem::HoldSyncs(bool hold) {
  const std::lock_guard lock(mutex_);
  hold_ = hold;
  released_.notify_all();
}

int FaultyFileSystem::held_syncs() const {
  const std::lock_guard lock(mutex_);
  return held_;
}

void FaultyFileSystem::LosePowerAfter(int64_t operations) {
  const std::lock_guard lock(mutex_);
  operations_left_ = operations;
}

bool FaultyFileSystem::power_lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

IOStatus FaultyFileSystem::Change(bool grows) {
  const std::lock_guard lock(mutex_);
  if (operations_left_ == 0) lost_ = true;
  if (operations_left_ > 0) --operations_left_;
  if (lost_) return IOStatus::IOError("the power is gone");
  return full_ && grows ? IOStatus::NoSpace("No space left on device") : IOStatus::OK();
}

IOStatus FaultyFileSystem::Sync(const std::string& path, uint64_t size) {
  if (IOStatus status = Change(/*grows=*/false); !status.ok()) return status;
  std::unique_lock lock(mutex_);
  ++held_;
  released_.wait(lock, [this] { return !hold_; });
  --held_;
  if (failing_syncs_ != 0) {
    if (failing_syncs_ > 0) --failing_syncs_;
    return IOStatus::IOError("Input/output error");
  }
  if (!syncs_lie_) synced_bytes_[path] = size;
  return IOStatus::OK();
}

IOStatus FaultyFileSystem::SyncDirectory() {
  if (IOStatus status = Change(/*grows=*/false); !status.ok()) return status;
  const std::lock_guard lock(mutex_);
  unsynced_names_.clear();
  return IOStatus::OK();
}

IOStatus FaultyFileSystem::NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                           std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) {
  if (IOStatus status = Change(/*grows=*/true); !status.ok()) return status;
  if (IOStatus status = FileSystemWrapper::NewWritableFile(path, options, file, debug); !status.ok()) return status;
  *file = std::make_unique<File>(*this, path, std::move(*file), 0);
  const std::lock_guard lock(mutex_);
  synced_bytes_[path] = 0;
  unsynced_names_.push_back({path, false, ""});
  return IOStatus::OK();
}

// RocksDB neither reopens nor reuses files with our options.
IOStatus FaultyFileSystem::ReopenWritableFile(const std::string&, const rocksdb::FileOptions&,
                                              std::unique_ptr<rocksdb::FSWritableFile>*, IODebugContext*) {
  return IOStatus::NotSupported("ReopenWritableFile");
}

IOStatus FaultyFileSystem::ReuseWritableFile(const std::string&, const std::string&, const rocksdb::FileOptions&,
                                             std::unique_ptr<rocksdb::FSWritableFile>*, IODebugContext*) {
  return IOStatus::NotSupported("ReuseWritableFile");
}

IOStatus FaultyFileSystem::NewDirectory(const std::string& path, const IOOptions& options,
                                        std::unique_ptr<rocksdb::FSDirectory>* directory, IODebugContext* debug) {
  if (IOStatus status = FileSystemWrapper::NewDirectory(path, options, directory, debug); !status.ok()) return status;
  *directory = std::make_unique<Directory>(*this, std::move(*directory));
  return IOStatus::OK();
}

IOStatus FaultyFileSystem::RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                                      IODebugContext* debug) {
  if (IOStatus status = Change(/*grows=*/false); !status.ok()) return status;
  const std::lock_guard lock(mutex_);
  unsynced_names_.push_back({to, std::filesystem::exists(to), ReadAll(to)});
  synced_bytes_[to] = synced_bytes_[from];
  synced_bytes_.erase(from);
  return FileSystemWrapper::RenameFile(from, to, options, debug);
}

IOStatus FaultyFileSystem::DeleteFile(const std::string& path, const IOOptions& options, IODebugContext* debug) {
  if (IOStatus status = Change(/*grows=*/false); !status.ok()) return status;
  const std::lock_guard lock(mutex_);
  synced_bytes_.erase(path);
  return FileSystemWrapper::DeleteFile(path, options, debug);
}

void FaultyFileSystem::Restart(std::mt19937& random) {
  const std::lock_guard lock(mutex_);
  for (const auto& [path, synced] : synced_bytes_) {
    if (std::filesystem::exists(path)) LoseBytes(path, synced, random);
  }
  // A journaling file system writes names in order: those that are on the disk come before those that are not.
  for (size_t kept = random() % (unsynced_names_.size() + 1); unsynced_names_.size() > kept;) {
    const Naming& naming = unsynced_names_.back();
    if (naming.existed) {
      std::ofstream(naming.path, std::ios::binary | std::ios::trunc) << naming.bytes;
    } else {
      std::filesystem::remove(naming.path);
    }
    unsynced_names_.pop_back();
  }
  synced_bytes_.clear();
  unsynced_names_.clear();
  lost_ = false;
  operations_left_ = -1;
}

void FaultyFileSystem::LoseBytes(const std::string& path, uint64_t synced, std::mt19937& random) {
  const uint64_t size = std::filesystem::file_size(path);
  if (size <= synced) return;
  const uint64_t unsynced = size - synced;
  if (random() % 4) {
    // None, or the beginning.
    std::filesystem::resize_file(path, synced + (random() % 2 ? random() % (unsynced + 1) : 0));
    return;
  }
  // Some pages never made it.
  std::fstream bytes(path, std::ios::binary | std::ios::in | std::ios::out);
  for (uint64_t at = synced; at < size;) {
    const uint64_t end = std::min((at / kPage + 1) * kPage, size);
    if (random() % 2) {
      bytes.seekp(static_cast<std::streamoff>(at));
      bytes << std::string(end - at, '\0');
    }
    at = end;
  }
}

}  // namespace atrium::testing
