// What the embedded log does beyond the contract: group commit, what it finds when it opens, and a disk that fails.
#include "server/engine/embedded_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>

#include "absl/time/clock.h"
#include "tests/engine_contract/faulty_file_system.h"
#include "tests/engine_contract/log_client.h"
#include "tests/support/matchers.h"
#include "tests/support/process.h"

namespace atrium::testing {
namespace {

namespace fs = std::filesystem;

using absl::StatusCode;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class EmbeddedLogTest : public ::testing::Test {
 protected:
  // Opens the log of this test, which must work.
  void Start() {
    auto log = OpenLog(directory_, env_.get());
    ASSERT_THAT(log, IsOk());
    log_ = *std::move(log);
    client_ = std::make_unique<LogClient>(*log_);
  }
  void Stop() { log_.reset(); }
  void Fill(const std::string& room_id, int last) {
    ASSERT_THAT(client_->Open(room_id), IsOk());
    for (int i = 1; i <= last; ++i) ASSERT_THAT(client_->Append(room_id, i, absl::StrCat(i)), IsOk());
  }

  TempDirectory temp_;
  std::string directory_ = temp_.path() + "/data";
  std::shared_ptr<FaultyFileSystem> disk_ = std::make_shared<FaultyFileSystem>();
  std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(disk_);
  std::unique_ptr<RoomLog> log_;
  std::unique_ptr<LogClient> client_;
};

TEST_F(EmbeddedLogTest, WhatWaitsWhileACommitRunsGoesIntoOneCommit) {
  Start();
  for (const char* id : {"a", "b"}) ASSERT_THAT(client_->Open(id), IsOk());
  disk_->HoldSyncs(true);
  std::vector<Answer<absl::Status>> appends;
  appends.push_back(client_->StartAppend("a", 1, "x"));
  ASSERT_TRUE(Eventually([&] { return disk_->held_syncs() == 1; }));
  for (int i = 2; i <= 251; ++i) appends.push_back(client_->StartAppend("a", i, "x"));
  for (int i = 1; i <= 250; ++i) appends.push_back(client_->StartAppend("b", i, "x"));
  EXPECT_FALSE(appends[0].ready());
  EXPECT_GE(log_->statistics().queued, 501);
  disk_->HoldSyncs(false);
  for (const auto& append : appends) EXPECT_THAT(append.Get(), IsOk());
  const LogStatistics statistics = log_->statistics();
  EXPECT_EQ(statistics.records, 501);
  EXPECT_EQ(statistics.commits, 2);
  EXPECT_EQ(std::accumulate(statistics.commit_counts.begin(), statistics.commit_counts.end(), 0), 2);
  EXPECT_GT(statistics.commit_seconds, 0);
}

TEST_F(EmbeddedLogTest, ACommitIsBounded) {
  Start();
  ASSERT_THAT(client_->Open("a"), IsOk());
  disk_->HoldSyncs(true);
  std::vector<Answer<absl::Status>> appends;
  appends.push_back(client_->StartAppend("a", 1, "x"));
  ASSERT_TRUE(Eventually([&] { return disk_->held_syncs() == 1; }));
  // 10 MiB in commits of 1 MiB, then 3,000 in commits of 1,000.
  for (int i = 2; i <= 11; ++i) appends.push_back(client_->StartAppend("a", i, std::string((1 << 20) - 100, 'x')));
  for (int i = 12; i <= 3011; ++i) appends.push_back(client_->StartAppend("a", i, "x"));
  disk_->HoldSyncs(false);
  for (const auto& append : appends) EXPECT_THAT(append.Get(), IsOk());
  EXPECT_GE(log_->statistics().commits, 14);
  EXPECT_LE(log_->statistics().commits, 15);
}

TEST_F(EmbeddedLogTest, RefusesAppendsWhenTooMuchWaits) {
  EmbeddedLogOptions options;
  options.directory = directory_;
  options.env = env_.get();
  options.max_queued_bytes = 1000;
  auto log = OpenEmbeddedLog(options);
  ASSERT_THAT(log, IsOk());
  LogClient client(**log);
  ASSERT_THAT(client.Open("a"), IsOk());
  disk_->HoldSyncs(true);
  const auto first = client.StartAppend("a", 1, std::string(900, 'x'));
  const auto second = client.StartAppend("a", 2, std::string(900, 'x'));
  const auto third = client.StartAppend("a", 3, "x");
  disk_->HoldSyncs(false);
  EXPECT_THAT(first.Get(), IsOk());
  EXPECT_THAT(second.Get(), StatusIs(StatusCode::kResourceExhausted, "Too much waits to be written to disk"));
  EXPECT_THAT(third.Get(), StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_EQ((*client.Reopen("a"))->records.size(), 1);
  EXPECT_EQ((*log)->statistics().queued_bytes, 0);
  // One that is larger than that is taken when nothing else waits.
  EXPECT_THAT(client.Append("a", 2, std::string(5000, 'x')), IsOk());
}

TEST_F(EmbeddedLogTest, AllIsThereAfterARestart) {
  Start();
  Fill("a", 20);
  ASSERT_THAT(client_->Save("a", 15, "state", 11, "head of a"), IsOk());
  Fill("b", 1);
  Fill("gone", 3);
  ASSERT_THAT(client_->Erase("gone"), IsOk());
  Stop();
  Start();
  const auto room = client_->Open("a");
  ASSERT_THAT(room, IsOk());
  EXPECT_EQ((*room)->snapshot, "state");
  EXPECT_EQ((*room)->snapshot_sequence, 15);
  EXPECT_EQ((*room)->first_sequence, 11);
  EXPECT_EQ((*room)->records.size(), 10);
  EXPECT_THAT((*client_->Open("b"))->records, ElementsAre("1"));
  EXPECT_FALSE(client_->Open("gone")->has_value());
  const auto heads = client_->List("", 10);
  ASSERT_EQ(heads->size(), 1);
  EXPECT_EQ((*heads)[0].head, "head of a");
  EXPECT_THAT(client_->Append("a", 21, "21"), IsOk());
}

TEST_F(EmbeddedLogTest, ADirectoryHasOneLogAtATime) {
  Start();
  EXPECT_THAT(OpenLog(directory_ + "/").status(),
              StatusIs(StatusCode::kFailedPrecondition,
                       absl::StrCat("data directory ", directory_, " is in use by another atriumd")));
  Stop();
  EXPECT_THAT(OpenLog(directory_), IsOk());
}

TEST_F(EmbeddedLogTest, ADirectoryIsMadeWithThoseAboveIt) { EXPECT_THAT(OpenLog(directory_ + "/deep/down"), IsOk()); }

TEST_F(EmbeddedLogTest, APathThatCannotBeADirectoryIsRefused) {
  const auto not_a_directory = ::testing::AnyOf(HasSubstr("Not a directory"), HasSubstr("File exists"));
  std::ofstream(directory_) << "a file";
  EXPECT_THAT(OpenLog(directory_).status(), StatusIs(StatusCode::kUnavailable, not_a_directory));
  EXPECT_THAT(OpenLog(directory_ + "/below").status(), StatusIs(StatusCode::kUnavailable, not_a_directory));
  EXPECT_THAT(OpenLog("/proc/atrium").status(),
              StatusIs(StatusCode::kUnavailable, HasSubstr("data directory /proc/atrium cannot be written or read: ")));
}

TEST_F(EmbeddedLogTest, AReadOnlyDirectoryIsRefused) {
  Start();
  Fill("a", 3);
  Stop();
  // Root may write everywhere.
  const std::string self = fs::read_symlink("/proc/self/exe");
  chmod(temp_.path().c_str(), 0755);
  for (const auto& entry : fs::recursive_directory_iterator(temp_.path())) {
    chmod(entry.path().c_str(), entry.is_directory() ? 0555 : 0444);
  }
  Process child(self, {"--gtest_also_run_disabled_tests", "--gtest_filter=EmbeddedLogTest.DISABLED_OpensAsNobody"},
                {"ATRIUM_TEST_DIRECTORY=" + directory_});
  EXPECT_THAT(child.ReadOut(),
              HasSubstr(absl::StrCat("UNAVAILABLE: data directory ", directory_,
                                     " cannot be written or read: ", directory_, "/lock: Permission denied")));
  for (const auto& entry : fs::recursive_directory_iterator(temp_.path())) chmod(entry.path().c_str(), 0755);
}

// Run by the test before this.
TEST_F(EmbeddedLogTest, DISABLED_OpensAsNobody) {
  const char* const directory = getenv("ATRIUM_TEST_DIRECTORY");
  ASSERT_TRUE(directory);
  if (geteuid() == 0) {
    ASSERT_EQ(setuid(65534), 0);
  }
  printf("%s\n", OpenLog(directory).status().ToString().c_str());
}

TEST_F(EmbeddedLogTest, ADirectoryOfANewerVersionIsRefused) {
  Start();
  Stop();
  std::ofstream(directory_ + "/format") << "2\n";
  EXPECT_THAT(OpenLog(directory_).status(),
              StatusIs(StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("was written by a newer version of atriumd (format 2, this one knows 1)"),
                             EndsWith("run that version, or use another directory"))));
  std::ofstream(directory_ + "/format") << "\x02\n";
  EXPECT_THAT(OpenLog(directory_).status(), StatusIs(StatusCode::kDataLoss, HasSubstr("does not hold a number")));
  fs::remove(directory_ + "/format");
  EXPECT_THAT(OpenLog(directory_).status(), StatusIs(StatusCode::kDataLoss, HasSubstr("file format is missing")));
  std::ofstream(directory_ + "/format") << "1\n";
  EXPECT_THAT(OpenLog(directory_), IsOk());
}

TEST_F(EmbeddedLogTest, GoesOnWhenAFullDiskHasSpaceAgain) {
  Start();
  Fill("a", 3);
  Fill("b", 3);
  Fill("c", 3);
  disk_->SetFull(true);
  disk_->HoldSyncs(true);
  const auto a4 = client_->StartAppend("a", 4, "4");
  const auto a5 = client_->StartAppend("a", 5, "5");
  const auto b4 = client_->StartAppend("b", 4, "4");
  disk_->HoldSyncs(false);
  const auto full = StatusIs(StatusCode::kResourceExhausted,
                             AllOf(HasSubstr(absl::StrCat("the disk of data directory ", directory_, " is full")),
                                   HasSubstr("No space left")));
  EXPECT_THAT(a4.Get(), full);
  EXPECT_FALSE(a5.Get().ok());
  EXPECT_FALSE(b4.Get().ok());
  EXPECT_GE(log_->statistics().failures, 1);
  // What is there can still be read, unless a failed commit of it is not settled.
  EXPECT_THAT(client_->Reopen("c"), IsOk());
  EXPECT_THAT(client_->Reopen("a"), StatusIs(StatusCode::kResourceExhausted));
  disk_->SetFull(false);
  // A room that had no part in it goes on as if nothing had been.
  EXPECT_THAT(client_->Append("c", 4, "4"), IsOk());
  EXPECT_THAT(client_->Append("b", 4, "4"), StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_THAT((*client_->Open("a"))->records, ElementsAre("1", "2", "3"));
  EXPECT_THAT(client_->Append("a", 4, "another"), IsOk());
  Stop();
  Start();
  EXPECT_THAT((*client_->Open("a"))->records, ElementsAre("1", "2", "3", "another"));
  EXPECT_THAT((*client_->Open("b"))->records, ElementsAre("1", "2", "3"));
  EXPECT_THAT((*client_->Open("c"))->records, ElementsAre("1", "2", "3", "4"));
}

// The bytes of a commit whose sync failed are in the file all the same. They must not come back under what is written
// after it.
TEST_F(EmbeddedLogTest, WhatAFailedSyncLeftNeverComesBackLater) {
  std::mt19937 random(1);
  Start();
  Fill("a", 3);
  disk_->FailSyncs(-1);
  std::vector<Answer<absl::Status>> appends;
  for (int i = 4; i <= 9; ++i) appends.push_back(client_->StartAppend("a", i, "failed"));
  for (const auto& append : appends) EXPECT_FALSE(append.Get().ok());
  EXPECT_THAT(appends[0].Get(), StatusIs(StatusCode::kUnavailable, HasSubstr("Input/output error")));
  EXPECT_THAT(client_->Reopen("a"), StatusIs(StatusCode::kUnavailable));
  disk_->FailSyncs(0);
  const auto room = client_->Open("a");
  ASSERT_THAT(room, IsOk());
  // It is there whole or not at all, of each commit.
  const uint64_t last = (*room)->last_sequence();
  EXPECT_GE(last, 3);
  EXPECT_LE(last, 9);
  ASSERT_THAT(client_->Append("a", last + 1, "after"), IsOk());
  // Killed.
  disk_->LosePowerAfter(0);
  Stop();
  disk_->Restart(random);
  Start();
  const auto after = client_->Open("a");
  ASSERT_THAT(after, IsOk());
  EXPECT_EQ((*after)->last_sequence(), last + 1);
  EXPECT_EQ((*after)->records.back(), "after");
}

// Takes a directory away from the log that has it.
struct Loss {
  const char* name;
  void (*take)(const std::string& directory);
};
constexpr Loss kLosses[] = {
    {"Removed", [](const std::string& directory) { fs::remove_all(directory); }},
    {"Moved", [](const std::string& directory) { fs::rename(directory, directory + ".away"); }},
    {"Replaced",
     [](const std::string& directory) {
       fs::rename(directory, directory + ".away");
       fs::copy(directory + ".away", directory, fs::copy_options::recursive);
     }},
    {"ReplacedByAnEmptyOne",
     [](const std::string& directory) {
       fs::remove_all(directory);
       fs::create_directories(directory + "/rooms");
     }},
    {"WithoutItsLock", [](const std::string& directory) { fs::remove(directory + "/lock"); }},
    {"WithoutItsRooms", [](const std::string& directory) { fs::remove_all(directory + "/rooms"); }},
    {"WithEmptiedRooms",
     [](const std::string& directory) {
       fs::remove_all(directory + "/rooms");
       fs::create_directory(directory + "/rooms");
     }},
    {"WithoutTheLogFile",
     [](const std::string& directory) {
       for (const auto& entry : fs::directory_iterator(directory + "/rooms")) {
         if (entry.path().extension() == ".log") fs::remove(entry.path());
       }
     }},
};

class LostDirectoryTest : public EmbeddedLogTest, public ::testing::WithParamInterface<Loss> {};

INSTANTIATE_TEST_SUITE_P(Losses, LostDirectoryTest, ::testing::ValuesIn(kLosses),
                         [](const auto& info) { return info.param.name; });

TEST_P(LostDirectoryTest, NothingIsAcknowledgedAnyMore) {
  Start();
  Fill("a", 3);
  Fill("b", 3);
  GetParam().take(directory_);
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(client_->Append(i == 0 ? "a" : "b", 4, "4"),
                StatusIs(StatusCode::kUnavailable, HasSubstr(absl::StrCat("data directory ", directory_))));
  }
  EXPECT_THAT(client_->Append("a", 4, "4"), StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_THAT(client_->Reopen("a"), StatusIs(StatusCode::kUnavailable));
  EXPECT_GE(log_->statistics().failures, 2);
}

TEST_P(LostDirectoryTest, IsToldOnceThoughNobodyWrites) {
  auto log = OpenEmbeddedLog({.directory = directory_,
                              .recovery_interval = absl::ZeroDuration(),
                              .check_interval = absl::Milliseconds(5),
                              .env = env_.get()});
  ASSERT_THAT(log, IsOk());
  std::atomic<int> told = 0;
  std::atomic<bool> healthy = true;
  (*log)->WatchHealth([&](const absl::Status& health) { healthy = health.ok(), ++told; });
  LogClient client(**log);
  ASSERT_THAT(client.Open("a"), IsOk());
  ASSERT_THAT(client.Append("a", 1, "1"), IsOk());
  GetParam().take(directory_);
  EXPECT_TRUE(Eventually([&] { return !healthy; }));
  EXPECT_THAT(client.Append("a", 2, "2"), StatusIs(StatusCode::kUnavailable));
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(told, 1);
}

TEST_F(EmbeddedLogTest, GoesOnWhenItsDirectoryIsBack) {
  auto log = OpenEmbeddedLog(
      {.directory = directory_, .recovery_interval = absl::ZeroDuration(), .check_interval = absl::Milliseconds(5)});
  ASSERT_THAT(log, IsOk());
  std::atomic<bool> healthy = true;
  (*log)->WatchHealth([&](const absl::Status& health) { healthy = health.ok(); });
  LogClient client(**log);
  ASSERT_THAT(client.Open("a"), IsOk());
  ASSERT_THAT(client.Append("a", 1, "1"), IsOk());
  fs::rename(directory_, directory_ + ".away");
  EXPECT_THAT(client.Append("a", 2, "2"), StatusIs(StatusCode::kUnavailable));
  EXPECT_FALSE(healthy);
  fs::rename(directory_ + ".away", directory_);
  EXPECT_TRUE(Eventually([&] { return healthy.load(); }));
  const auto room = client.Reopen("a");
  ASSERT_THAT(room, IsOk());
  EXPECT_THAT(client.Append("a", (*room)->last_sequence() + 1, "next"), IsOk());
}

TEST_F(EmbeddedLogTest, AFailedDiskIsToldAndSoIsItsRecovery) {
  auto log = OpenEmbeddedLog({.directory = directory_,
                              .recovery_interval = absl::ZeroDuration(),
                              .check_interval = absl::Milliseconds(5),
                              .env = env_.get()});
  ASSERT_THAT(log, IsOk());
  std::atomic<bool> healthy = true;
  (*log)->WatchHealth([&](const absl::Status& health) { healthy = health.ok(); });
  LogClient client(**log);
  ASSERT_THAT(client.Open("a"), IsOk());
  disk_->SetFull(true);
  EXPECT_THAT(client.Append("a", 1, "1"), StatusIs(StatusCode::kResourceExhausted));
  EXPECT_TRUE(Eventually([&] { return !healthy; }));
  disk_->SetFull(false);
  EXPECT_TRUE(Eventually([&] { return healthy.load(); })) << "nobody has written";
}

TEST_F(EmbeddedLogTest, AnErrorThatPassesIsNotSeen) {
  Start();
  Fill("a", 1);
  disk_->FailSyncs(1);
  EXPECT_THAT(client_->Append("a", 2, "2"), IsOk());
  EXPECT_THAT(client_->Append("a", 3, "3"), IsOk());
  EXPECT_THAT((*client_->Reopen("a"))->records, ElementsAre("1", "2", "3"));
  EXPECT_EQ(log_->statistics().failures, 0);
}

}  // namespace
}  // namespace atrium::testing
