#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/engine/room_log.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace atrium {

struct EmbeddedLogOptions {
  std::string directory;  // made if it is not there
  // What one commit takes at most; a larger record is committed alone.
  size_t max_commit_records = 1000;
  size_t max_commit_bytes = 1 << 20;
  // More than this waiting, appends are refused.
  size_t max_queued_bytes = 256 << 20;
  // How long nothing is tried after the log could not be made writable again: what is asked for fails at once.
  absl::Duration recovery_interval = absl::Seconds(1);
  // The file system, for tests; not owned. The real one if null.
  rocksdb::Env* env = nullptr;
};

// Opens the log that is kept in a directory of this machine, in RocksDB: one thread writes, taking all that waits into
// one batch with one sync; one thread reads. Replays what the last process left in its write-ahead logs (about 32 MiB
// at most) before it returns. The errors are those of DataDirectory::Take and RoomStore::Open, their messages for the
// operator. Any thread.
absl::StatusOr<std::unique_ptr<RoomLog>> OpenEmbeddedLog(EmbeddedLogOptions options);

}  // namespace atrium
