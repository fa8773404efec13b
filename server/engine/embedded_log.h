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
  // This directory is made if it is not there.
  std::string directory;
  // One commit takes at most so much; a larger record is committed alone.
  size_t max_commit_records = 1000;
  size_t max_commit_bytes = 1 << 20;
  // Appends are refused while more than this waits.
  size_t max_queued_bytes = 256 << 20;
  // After the log could not be made writable again, nothing is tried for so long, and what is asked for fails at once.
  absl::Duration recovery_interval = absl::Seconds(1);
  // While nobody writes, it looks at this interval whether it could write.
  absl::Duration check_interval = absl::Seconds(1);
  // This is the file system, for tests, and not owned; null stands for the real one.
  rocksdb::Env* env = nullptr;
};

// Opens the log that is kept in a directory of this machine, in RocksDB: one thread writes, taking all that waits into
// one batch with one sync; one thread reads. Replays what the last process left in its write-ahead logs (about 32 MiB
// at most) before it returns. The errors are those of DataDirectory::Take and RoomStore::Open; their messages are for
// the operator. Any thread may call it.
absl::StatusOr<std::unique_ptr<RoomLog>> OpenEmbeddedLog(EmbeddedLogOptions options);

}  // namespace atrium
