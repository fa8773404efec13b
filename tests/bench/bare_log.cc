#include "tests/bench/bare_log.h"

#include <rocksdb/db.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tests/bench/check.h"

namespace atrium::bench {

BareLog::BareLog(const std::string& path) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened = rocksdb::DB::Open(options, path, &db);
  if (!opened.ok()) Fail("cannot open a bare RocksDB: " + opened.ToString());
  db_.reset(db);
}

BareLog::~BareLog() = default;

Writes BareLog::Run(int threads, size_t bytes, absl::Duration duration) {
  ++runs_;
  std::vector<std::vector<double>> latencies_us(threads);
  std::atomic<bool> goes_on{true};
  std::latch start(threads + 1);
  const auto write = [&](int thread) {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    start.arrive_and_wait();
    for (int i = 0; goes_on; ++i) {
      const std::string key = absl::StrFormat("%04d.%04d.%08d", thread, runs_, i);
      const std::string value(bytes - std::min(bytes, key.size()), 'x');
      const absl::Time asked = absl::Now();
      if (!db_->Put(synced, key, value).ok()) Fail("a bare RocksDB cannot write");
      latencies_us[thread].push_back(absl::ToDoubleMicroseconds(absl::Now() - asked));
    }
  };
  std::vector<std::thread> running;
  for (int thread = 0; thread < threads; ++thread) running.emplace_back(write, thread);
  start.arrive_and_wait();
  const absl::Time begin = absl::Now();
  absl::SleepFor(duration);
  goes_on = false;
  for (std::thread& thread : running) thread.join();
  Writes writes{.elapsed = absl::Now() - begin};
  for (const std::vector<double>& of_one : latencies_us) {
    writes.latencies_us.insert(writes.latencies_us.end(), of_one.begin(), of_one.end());
  }
  return writes;
}

}  // namespace atrium::bench
