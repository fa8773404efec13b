// Crashes at random moments: every acknowledged write is there afterwards, in order, and nothing is invented.
#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <sstream>
#include <thread>

#include "tests/engine_contract/faulty_file_system.h"
#include "tests/engine_contract/log_client.h"
#include "tests/support/matchers.h"
#include "tests/support/process.h"

namespace atrium::testing {
namespace {

constexpr int kRooms = 6;

std::string RoomId(int room) { return absl::StrCat("room:", room); }

// What record `sequence` of a room is, written in `round`: it can be told whether it is the one that it should be.
std::string RecordOf(const std::string& room_id, uint64_t sequence, int round) {
  std::string record = absl::StrCat(room_id, " ", sequence, " ", round, " ");
  record.resize(record.size() + (sequence * 7919 + round * 104'729) % 3000, 'x');
  return record;
}

// What a test knows of a room.
struct Known {
  std::vector<int> rounds;      // of each acknowledged record, the round that wrote it
  uint64_t snapshot = 0;        // of the last acknowledged
  uint64_t first = 1;           // oldest record of the last acknowledged snapshot
  uint64_t asked_snapshot = 0;  // of the last asked for
  uint64_t asked_first = 1;
};

// Writes to one room until the log fails.
class Writer {
 public:
  Writer(RoomLog& log, std::string room_id, int round, Known& known)
      : log_(log), room_id_(std::move(room_id)), round_(round), known_(known) {}

  // Checks what is there, and takes it for what is known.
  void Open() {
    Answer<absl::StatusOr<MaybeRoom>> answer;
    log_.Open(room_id_, answer.Callback());
    const auto stored = answer.Get();
    if (!stored.ok()) {
      EXPECT_THAT(stored, StatusIs(absl::StatusCode::kUnavailable));
      return;
    }
    const StoredRoom room = stored->value_or(StoredRoom());
    EXPECT_GE(room.last_sequence(), known_.rounds.size()) << "acknowledged records are gone";
    EXPECT_TRUE(room.first_sequence == known_.first || room.first_sequence == known_.asked_first);
    EXPECT_TRUE(room.snapshot_sequence == known_.snapshot || room.snapshot_sequence == known_.asked_snapshot);
    EXPECT_EQ(room.snapshot, room.snapshot_sequence ? absl::StrCat("state ", room.snapshot_sequence) : "");
    for (uint64_t i = 0; i < room.records.size(); ++i) {
      const uint64_t sequence = room.first_sequence + i;
      // What was not acknowledged was written in the round before.
      const bool acknowledged = sequence <= known_.rounds.size();
      const int round = acknowledged ? known_.rounds[sequence - 1] : round_ - 1;
      EXPECT_TRUE(room.records[i] == RecordOf(room_id_, sequence, round)) << room_id_ << " " << sequence;
    }
    known_.rounds.resize(room.last_sequence(), round_ - 1);
    known_.snapshot = known_.asked_snapshot = room.snapshot_sequence;
    known_.first = known_.asked_first = room.first_sequence;
    open_ = true;
  }

  // Appends in small heaps, with a snapshot now and then.
  void Write(uint32_t seed) {
    std::mt19937 random(seed);
    uint64_t next = known_.rounds.size() + 1;
    while (open_ && !failed_) {
      std::vector<Answer<absl::Status>> answers;
      for (uint64_t last = next + random() % 8; next <= last; ++next) {
        Answer<absl::Status> answer;
        log_.Append({room_id_, next, RecordOf(room_id_, next, round_), ""}, answer.Callback());
        answers.push_back(answer);
      }
      for (const auto& answer : answers) Note(answer.Get(), [&] { known_.rounds.push_back(round_); });
      if (random() % 5 == 0 && !failed_) Save(random);
    }
  }

 private:
  void Save(std::mt19937& random) {
    known_.asked_snapshot = known_.rounds.size();
    known_.asked_first = std::max<uint64_t>(known_.first, known_.asked_snapshot + 1 - random() % 20);
    if (known_.asked_first > known_.asked_snapshot + 1) known_.asked_first = known_.first;
    Answer<absl::Status> answer;
    log_.Save(
        {room_id_, known_.asked_snapshot, absl::StrCat("state ", known_.asked_snapshot), known_.asked_first, "head"},
        answer.Callback());
    Note(answer.Get(), [&] {
      known_.snapshot = known_.asked_snapshot;
      known_.first = known_.asked_first;
    });
  }

  template <typename Then>
  void Note(const absl::Status& status, Then then) {
    if (status.ok()) {
      EXPECT_FALSE(failed_) << "a write behind a failed one went well";
      then();
    }
    failed_ |= !status.ok();
  }

  RoomLog& log_;
  const std::string room_id_;
  const int round_;
  Known& known_;
  bool open_ = false, failed_ = false;
};

// Returns how many records there are in the end.
size_t RunPowerLosses(uint32_t seed, int rounds, bool syncs_lie) {
  std::mt19937 random(seed);
  const TempDirectory temp;
  const auto disk = std::make_shared<FaultyFileSystem>();
  const auto env = rocksdb::NewCompositeEnv(disk);
  std::map<std::string, Known> rooms;
  for (int i = 0; i < kRooms; ++i) rooms[RoomId(i)];
  for (int round = 1; round <= rounds && !::testing::Test::HasFailure(); ++round) {
    SCOPED_TRACE(absl::StrCat("seed ", seed, " round ", round));
    disk->SetSyncsLie(syncs_lie);
    disk->LosePowerAfter(random() % (random() % 4 ? 400 : 40));
    auto log = OpenLog(temp.path(), env.get());
    if (log.ok()) {
      std::vector<std::unique_ptr<Writer>> writers;
      for (auto& [id, known] : rooms) writers.push_back(std::make_unique<Writer>(**log, id, round, known));
      for (auto& writer : writers) writer->Open();
      std::vector<std::thread> threads;
      for (auto& writer : writers) threads.emplace_back([&writer, s = random()] { writer->Write(s); });
      for (std::thread& thread : threads) thread.join();
      log->reset();
    } else {
      EXPECT_TRUE(disk->power_lost()) << log.status();
    }
    EXPECT_TRUE(disk->power_lost());
    disk->Restart(random);
    // Looks at what is left, without power failures: what was in flight counts from here on.
    disk->SetSyncsLie(false);
    auto left = OpenLog(temp.path(), env.get());
    EXPECT_THAT(left, IsOk());
    if (!left.ok()) break;
    for (auto& [id, known] : rooms) Writer(**left, id, round + 1, known).Open();
    left->reset();
    disk->LosePowerAfter(0);
    EXPECT_THAT(OpenLog(temp.path(), env.get()).status(), StatusIs(absl::StatusCode::kUnavailable));
    disk->Restart(random);
  }
  size_t records = 0;
  for (const auto& [id, known] : rooms) records += known.rounds.size();
  return records;
}

TEST(CrashTest, AcknowledgedWritesSurviveAPowerLoss) {
  const uint32_t seed = std::random_device()();
  printf("seed %u\n", seed);
  printf("%zu records\n", RunPowerLosses(seed, 100, /*syncs_lie=*/false));
}

// A room that is written to and erased, one after the other.
class ErasedRoom {
 public:
  // Checks what is there, and goes on until the log fails, or for 20 writes.
  void Write(RoomLog& log, int round, std::mt19937& random) {
    LogClient client(log);
    const auto room = client.Open("room:a");
    if (!room.ok()) return;
    const Records found = *room ? (*room)->records : Records();
    ASSERT_TRUE(found == without_ || found == with_) << found.size() << ", not " << without_.size();
    with_ = found;
    for (int i = 0; i < 20; ++i) {
      without_ = with_;
      const bool erase = random() % 4 == 0;
      erase ? with_.clear() : with_.push_back(absl::StrCat("round ", round, " write ", i));
      const absl::Status written = erase ? client.Erase("room:a") : client.Append("room:a", with_.size(), with_.back());
      if (!written.ok()) return;
      without_ = with_;
      erased_ += erase;
    }
  }
  int erased() const { return erased_; }

 private:
  using Records = std::vector<std::string>;
  // What may be there: with and without the write that was under way.
  Records without_, with_;
  int erased_ = 0;
};

TEST(CrashTest, ARoomThatWasErasedStaysErased) {
  const uint32_t seed = std::random_device()();
  std::mt19937 random(seed);
  const TempDirectory temp;
  const auto disk = std::make_shared<FaultyFileSystem>();
  const auto env = rocksdb::NewCompositeEnv(disk);
  ErasedRoom room;
  for (int round = 1; round <= 60 && !HasFailure(); ++round) {
    SCOPED_TRACE(absl::StrCat("seed ", seed, " round ", round));
    disk->LosePowerAfter(round % 2 ? static_cast<int64_t>(random() % 100) : -1);
    if (auto log = OpenLog(temp.path(), env.get()); log.ok()) room.Write(**log, round, random);
    disk->Restart(random);
  }
  EXPECT_GT(room.erased(), 20);
}

// A disk that says that it has synced and has not: the test above would see it.
TEST(CrashTest, AWriteThatWasNotSyncedIsMissed) {
  ::testing::TestPartResultArray failures;
  {
    const ::testing::ScopedFakeTestPartResultReporter intercepted(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &failures);
    RunPowerLosses(1, 10, /*syncs_lie=*/true);
  }
  EXPECT_GT(failures.size(), 0);
}

// Run by the next test, ended by a signal. Tells of each record that was acknowledged.
TEST(CrashTest, DISABLED_WritesUntilKilled) {
  const char* const directory = getenv("ATRIUM_TEST_DIRECTORY");
  ASSERT_TRUE(directory);
  auto log = OpenLog(directory);
  ASSERT_THAT(log, IsOk());
  const int round = atoi(getenv("ATRIUM_TEST_ROUND"));
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int i = 0; i < kRooms; ++i) {
    threads.emplace_back([&, id = RoomId(i)] {
      LogClient client(**log);
      const auto room = client.Open(id);
      ASSERT_THAT(room, IsOk());
      for (uint64_t next = *room ? (*room)->last_sequence() + 1 : 1;; ++next) {
        ASSERT_THAT(client.Append(id, next, RecordOf(id, next, round)), IsOk());
        const std::string line = absl::StrCat(id, " ", next, "\n");
        const std::lock_guard lock(mutex);
        ASSERT_EQ(write(STDOUT_FILENO, line.data(), line.size()), line.size());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(CrashTest, AcknowledgedWritesSurviveKill9) {
  const TempDirectory temp;
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  std::mt19937 random(std::random_device{}());
  std::map<std::string, std::vector<int>> rounds_of;
  size_t told = 0;
  for (int round = 1; round <= 20; ++round) {
    Process child(self, {"--gtest_also_run_disabled_tests", "--gtest_filter=CrashTest.DISABLED_WritesUntilKilled"},
                  {"ATRIUM_TEST_DIRECTORY=" + temp.path(), absl::StrCat("ATRIUM_TEST_ROUND=", round)});
    std::string output;
    for (size_t lines = 1 + random() % 300; lines > 0; --lines) output += child.ReadLine();
    child.Signal(SIGKILL);
    output += child.ReadOut();
    std::istringstream lines(output);
    std::map<std::string, uint64_t> acknowledged;
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string id;
      uint64_t sequence = 0;
      if (line.rfind("room:", 0) != 0 || !(words >> id >> sequence)) continue;
      acknowledged[id] = sequence;
      ++told;
    }
    auto log = OpenLog(temp.path());
    ASSERT_THAT(log, IsOk());
    for (int i = 0; i < kRooms; ++i) {
      const std::string id = RoomId(i);
      std::vector<int>& rounds = rounds_of[id];
      const auto room = LogClient(**log).Open(id);
      ASSERT_THAT(room, IsOk());
      const size_t found = *room ? (*room)->records.size() : 0;
      ASSERT_GE(found, std::max<size_t>(acknowledged[id], rounds.size())) << "acknowledged records are gone";
      rounds.resize(found, round);
      for (size_t k = 0; k < found; ++k) {
        ASSERT_TRUE((*room)->records[k] == RecordOf(id, k + 1, rounds[k])) << id << " " << k + 1;
      }
    }
  }
  printf("%zu acknowledged records in 20 kills\n", told);
  EXPECT_GT(told, 20);
}

}  // namespace
}  // namespace atrium::testing
