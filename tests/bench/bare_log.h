#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "tests/bench/writers.h"

namespace rocksdb {
class DB;
}  // namespace rocksdb

namespace atrium::bench {

// The limit of durable writes: RocksDB as it comes, and threads of which each puts record after record, synced. RocksDB
// puts what waits meanwhile into one commit by itself. One thread uses it.
class BareLog {
 public:
  // Makes a database in the empty directory `path`.
  explicit BareLog(const std::string& path);
  ~BareLog();

  // `bytes` is the size of each record, its key included.
  Writes Run(int threads, size_t bytes, absl::Duration duration);

 private:
  std::unique_ptr<rocksdb::DB> db_;
  int runs_ = 0;
};

}  // namespace atrium::bench
