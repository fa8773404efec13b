// Files that were changed behind the log's back: it stops with a message, or says DATA_LOSS of the room, but never has
// less than was acknowledged without a word.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>

#include "server/engine/log_file_check.h"
#include "tests/engine_contract/log_client.h"
#include "tests/support/matchers.h"

namespace atrium::testing {
namespace {

namespace fs = std::filesystem;

using absl::StatusCode;
using ::testing::AllOf;
using ::testing::HasSubstr;

using Records = std::vector<std::string>;

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void WriteAll(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

std::string Flip(std::string bytes, size_t bit) {
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
  return bytes;
}

// Bytes that do not compress, so that a record stands in a table as it is.
std::string RandomBytes(std::mt19937& random, size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

class DamageTest : public ::testing::Test {
 protected:
  std::unique_ptr<RoomLog> Start() {
    auto log = OpenLog(directory_);
    EXPECT_THAT(log, IsOk());
    return log.ok() ? *std::move(log) : nullptr;
  }

  // Appends records of this size to a room that has none.
  void Fill(RoomLog& log, const std::string& room_id, int count, size_t size) {
    LogClient client(log);
    ASSERT_THAT(client.Open(room_id), IsOk());
    for (int i = 1; i <= count; ++i) {
      written_[room_id].push_back(RandomBytes(random_, size));
      ASSERT_THAT(client.Append(room_id, i, written_[room_id].back()), IsOk());
    }
  }

  std::vector<fs::path> Files(const std::string& extension) const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(directory_ + "/rooms")) {
      if (entry.path().extension() == extension) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
  }
  // The write-ahead log that was written last.
  fs::path Wal() const { return Files(".log").back(); }

  TempDirectory temp_;
  std::string directory_ = temp_.path() + "/data";
  std::mt19937 random_{20261123};
  std::map<std::string, Records> written_;
};

TEST_F(DamageTest, ALastRecordThatIsCutShortWasNotAcknowledgedAndGoes) {
  Fill(*Start(), "a", 19, 40);
  const size_t before = fs::file_size(Wal());
  fs::remove_all(directory_);
  Fill(*Start(), "a", 20, 40);
  const std::string whole = ReadAll(Wal());
  ASSERT_GT(whole.size(), before);
  const fs::path copy = temp_.path() + "/copy";
  fs::copy(directory_, copy, fs::copy_options::recursive);
  for (size_t size = before; size < whole.size(); ++size) {
    fs::remove_all(directory_);
    fs::copy(copy, directory_, fs::copy_options::recursive);
    fs::resize_file(Wal(), size);
    const auto log = Start();
    ASSERT_TRUE(log);
    LogClient client(*log);
    const auto room = client.Open("a");
    ASSERT_THAT(room, IsOk());
    ASSERT_EQ((*room)->records.size(), 19) << size;
    ASSERT_THAT(client.Append("a", 20, "anew"), IsOk());
  }
}

TEST_F(DamageTest, AFlippedBitInAWriteAheadLogStopsTheStart) {
  Fill(*Start(), "a", 20, 100);
  const std::string whole = ReadAll(Wal());
  for (int i = 0; i < 20; ++i) {
    WriteAll(Wal(), Flip(whole, random_() % (whole.size() * 8)));
    EXPECT_THAT(OpenLog(directory_).status(),
                StatusIs(StatusCode::kDataLoss,
                         AllOf(HasSubstr(absl::StrCat("data directory ", directory_, " is damaged: file ",
                                                      Wal().string(), " has been changed behind byte ")),
                               HasSubstr("; restore it from a backup, or move it away to start empty"))));
  }
  WriteAll(Wal(), whole);
  const auto log = Start();
  EXPECT_TRUE((*LogClient(*log).Open("a"))->records == written_["a"]);
}

TEST_F(DamageTest, NoBitOfAWriteAheadLogOrManifestChangesUnnoticed) {
  Fill(*Start(), "a", 20, 100);
  const std::string manifest = ReadAll(directory_ + "/rooms/CURRENT").substr(0, strlen("MANIFEST-000001"));
  for (const fs::path& path : {Wal(), fs::path(directory_ + "/rooms/" + manifest)}) {
    const std::string whole = ReadAll(path);
    ASSERT_EQ(CheckLogFile(whole).kind, LogFileEnd::kWhole) << path;
    for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
      ASSERT_EQ(CheckLogFile(Flip(whole, bit)).kind, LogFileEnd::kDamaged) << path << " bit " << bit;
    }
  }
  // Over several blocks.
  Fill(*Start(), "b", 10, 30'000);
  const std::string whole = ReadAll(Wal());
  ASSERT_EQ(CheckLogFile(whole).kind, LogFileEnd::kWhole);
  for (int i = 0; i < 1000; ++i) {
    const size_t bit = random_() % (whole.size() * 8);
    ASSERT_EQ(CheckLogFile(Flip(whole, bit)).kind, LogFileEnd::kDamaged) << bit;
  }
}

TEST_F(DamageTest, WhateverPartOfTheLastBatchIsMissingIsTakenForACrash) {
  // One batch over three blocks.
  Fill(*Start(), "a", 1, 70'000);
  const std::string whole = ReadAll(Wal());
  ASSERT_EQ(CheckLogFile(whole).kind, LogFileEnd::kWhole);
  for (int i = 0; i < 300; ++i) {
    const LogFileEnd end = CheckLogFile(whole.substr(0, 1 + random_() % (whole.size() - 1)));
    ASSERT_EQ(end.kind, LogFileEnd::kTorn);
    ASSERT_EQ(end.sound_bytes, 0);
  }
  // Pages that were never written.
  for (size_t page = 0; page < whole.size(); page += 4096) {
    std::string torn = whole;
    std::fill(torn.begin() + page, torn.begin() + std::min(page + 4096, whole.size()), '\0');
    ASSERT_EQ(CheckLogFile(torn).kind, LogFileEnd::kTorn) << page;
  }
  // Not so where another batch follows.
  Fill(*Start(), "b", 2, 70'000);
  std::string older = ReadAll(Wal());
  std::fill(older.begin() + 4096, older.begin() + 8192, '\0');
  EXPECT_EQ(CheckLogFile(older).kind, LogFileEnd::kDamaged);
}

TEST_F(DamageTest, ADamagedRoomIsToldOfThatRoomOnly) {
  {
    const auto log = Start();
    Fill(*log, "a", 100, 1000);
    Fill(*log, "b", 100, 1000);
  }
  // What is in the write-ahead log goes to a table when it is replayed.
  Start().reset();
  bool flipped = false;
  for (const fs::path& table : Files(".sst")) {
    std::string bytes = ReadAll(table);
    const size_t at = bytes.find(written_["a"][49]);
    if (at == std::string::npos) continue;
    WriteAll(table, Flip(std::move(bytes), 8 * at + 8 * 500));
    flipped = true;
  }
  ASSERT_TRUE(flipped);
  const auto log = Start();
  ASSERT_TRUE(log);
  LogClient client(*log);
  EXPECT_THAT(
      client.Open("a"),
      StatusIs(StatusCode::kDataLoss, AllOf(HasSubstr("What is stored of room 'a' is damaged: "), HasSubstr(".sst"))));
  const auto b = client.Open("b");
  ASSERT_THAT(b, IsOk());
  EXPECT_TRUE((*b)->records == written_["b"]);
  EXPECT_THAT(client.Append("b", 101, "goes on"), IsOk());
}

TEST_F(DamageTest, ADirectoryWithoutItsCurrentFileIsNotTakenForANewOne) {
  Fill(*Start(), "a", 3, 10);
  fs::remove(directory_ + "/rooms/CURRENT");
  EXPECT_THAT(OpenLog(directory_).status(), StatusIs(StatusCode::kDataLoss, HasSubstr("CURRENT is missing")));
}

// Any bit of any file.
TEST_F(DamageTest, AFlippedBitAnywhereIsNeverSilent) {
  const uint32_t seed = std::random_device()();
  printf("seed %u\n", seed);
  random_.seed(seed);
  for (int part = 0; part < 3; ++part) Fill(*Start(), absl::StrCat("room", part), 50, 300);
  const fs::path copy = temp_.path() + "/copy";
  fs::copy(directory_, copy, fs::copy_options::recursive);
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(directory_ + "/rooms")) {
    if (entry.file_size() > 0) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  int refused = 0, lost = 0, unharmed = 0;
  for (int round = 0; round < 300; ++round) {
    fs::remove_all(directory_);
    fs::copy(copy, directory_, fs::copy_options::recursive);
    const fs::path& file = files[random_() % files.size()];
    const std::string whole = ReadAll(file);
    const size_t bit = random_() % (whole.size() * 8);
    SCOPED_TRACE(absl::StrCat(file.string(), " bit ", bit));
    WriteAll(file, Flip(whole, bit));
    const auto log = OpenLog(directory_);
    if (!log.ok()) {
      ASSERT_THAT(log, StatusIs(StatusCode::kDataLoss, HasSubstr("restore it from a backup")));
      ++refused;
      continue;
    }
    LogClient client(**log);
    for (const auto& [room_id, records] : written_) {
      const auto room = client.Open(room_id);
      if (!room.ok()) {
        ASSERT_THAT(room, StatusIs(StatusCode::kDataLoss));
        ++lost;
        continue;
      }
      ASSERT_TRUE(room->has_value()) << room_id;
      ASSERT_TRUE((*room)->records == records) << room_id;
      ++unharmed;
    }
  }
  printf("%d starts refused, %d rooms refused, %d rooms unharmed\n", refused, lost, unharmed);
  EXPECT_GT(refused, 0);
  EXPECT_GT(lost, 0);
}

}  // namespace
}  // namespace atrium::testing
