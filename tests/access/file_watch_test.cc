#include "server/access/file_watch.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/support/eventually.h"
#include "tests/support/matchers.h"
#include "tests/support/temp_directory.h"

namespace atrium {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

void Write(const std::string& path, absl::string_view content) { std::ofstream(path, std::ios::binary) << content; }

int CountOf(const std::string& text, const std::string& part) {
  int count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

class FileWatchTest : public testing::Test {
 protected:
  // Takes what does not hold the word `bad`.
  FileWatch::Load Loader() {
    return [this](std::string content) {
      if (absl::StrContains(content, "bad")) return absl::InvalidArgumentError("it is bad");
      MutexLock lock(mutex_);
      loaded_.push_back(std::move(content));
      return absl::OkStatus();
    };
  }
  std::vector<std::string> loaded() {
    MutexLock lock(mutex_);
    return loaded_;
  }
  bool Loads(const std::string& content) {
    return Eventually([&] { return !loaded().empty() && loaded().back() == content; });
  }
  std::string PathOf(const std::string& name) const { return absl::StrCat(directory_.path(), "/", name); }

  const TempDirectory directory_;
  const std::string path_ = PathOf("keys.yaml");
  Log log_{LogLevel::kDebug};

 private:
  Mutex mutex_;
  std::vector<std::string> loaded_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(FileWatchTest, ASmallFileIsRead) {
  const std::string content("a\0b\n", 4);
  Write(path_, content);
  EXPECT_EQ(*ReadSmallFile(path_), content);
  Write(path_, std::string(1 << 20, 'a'));
  EXPECT_EQ(ReadSmallFile(path_)->size(), 1 << 20);
}

TEST_F(FileWatchTest, AnErrorOfReadingNamesThePath) {
  const auto is = [this](absl::StatusCode code, const std::string& what) {
    return StatusIs(code, AllOf(HasSubstr(directory_.path()), HasSubstr(what)));
  };
  EXPECT_THAT(ReadSmallFile(path_), is(absl::StatusCode::kNotFound, "keys.yaml: No such file or directory"));
  EXPECT_THAT(ReadSmallFile(directory_.path()), is(absl::StatusCode::kInvalidArgument, ": is a directory"));
  Write(path_, "");
  EXPECT_THAT(ReadSmallFile(path_), is(absl::StatusCode::kInvalidArgument, ": is empty"));
  EXPECT_THAT(ReadSmallFile(path_ + "/x"), is(absl::StatusCode::kNotFound, ": Not a directory"));
  Write(path_, std::string((1 << 20) + 1, 'a'));
  EXPECT_THAT(ReadSmallFile(path_), is(absl::StatusCode::kInvalidArgument, ": has more than 1048576 bytes"));
  const std::string pipe = PathOf("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(ReadSmallFile(pipe), is(absl::StatusCode::kInvalidArgument, ": is no plain file"));
  std::filesystem::create_symlink("loop", PathOf("loop"));
  EXPECT_FALSE(ReadSmallFile(PathOf("loop")).ok());
}

TEST_F(FileWatchTest, AFileThatMayNotBeReadIsAnError) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read all";
  Write(path_, "a");
  ASSERT_EQ(chmod(path_.c_str(), 0), 0);
  EXPECT_THAT(ReadSmallFile(path_), StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr(path_)));
}

TEST_F(FileWatchTest, WhatChangesIsLoaded) {
  Write(path_, "one");
  FileWatch watch(absl::Milliseconds(5), log_);
  watch.Add(path_, "keys", Loader());
  EXPECT_TRUE(Loads("one"));
  Write(path_, "two");
  EXPECT_TRUE(Loads("two"));
  Write(path_, "one");
  EXPECT_TRUE(Loads("one"));
  EXPECT_THAT(loaded(), ElementsAre("one", "two", "one"));
}

TEST_F(FileWatchTest, WhatStaysTheSameIsNotLoadedAgain) {
  Write(path_, "one");
  FileWatch watch(absl::Hours(1), log_);
  watch.Add(path_, "keys", Loader(), "one");
  watch.ReloadNow();
  std::filesystem::last_write_time(path_, std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
  watch.ReloadNow();
  std::filesystem::remove(path_);
  Write(path_, "one");
  watch.ReloadNow();
  EXPECT_THAT(loaded(), IsEmpty());
  Write(path_, "two");
  watch.ReloadNow();
  EXPECT_THAT(loaded(), ElementsAre("two"));
}

// Kubernetes makes a new directory, to which a link is then renamed; what else there is of the file stays as it was.
TEST_F(FileWatchTest, ALinkThatLeadsElsewhereIsFollowed) {
  for (const std::string version : {"v1", "v2"}) {
    std::filesystem::create_directory(PathOf(version));
    Write(PathOf(version + "/keys.yaml"), version);
  }
  std::filesystem::create_symlink("v1", PathOf("data"));
  std::filesystem::create_symlink("data/keys.yaml", path_);
  FileWatch watch(absl::Hours(1), log_);
  watch.Add(path_, "keys", Loader());
  watch.ReloadNow();
  EXPECT_THAT(loaded(), ElementsAre("v1"));
  std::filesystem::create_symlink("v2", PathOf("new"));
  std::filesystem::rename(PathOf("new"), PathOf("data"));
  watch.ReloadNow();
  EXPECT_THAT(loaded(), ElementsAre("v1", "v2"));
}

TEST_F(FileWatchTest, WhatIsRefusedKeepsTheOldOneAndIsSaidOnce) {
  testing::internal::CaptureStderr();
  std::vector<FileWatch::Count> counts;
  {
    Write(path_, "one");
    FileWatch watch(absl::Hours(1), log_);
    watch.Add(path_, "keys", Loader(), "one");
    for (const absl::string_view content : {"half: bad", "worse: bad", "two"}) {
      Write(path_, content);
      for (int i = 0; i < 3; ++i) watch.ReloadNow();
    }
    for (int i = 0; i < 3; ++i) {
      std::filesystem::remove(path_);
      watch.ReloadNow();
    }
    Write(path_, "two");
    watch.ReloadNow();
    counts = watch.counts();
  }
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(loaded(), ElementsAre("two", "two"));
  ASSERT_EQ(counts.size(), 1);
  EXPECT_EQ(counts[0].name, "keys");
  EXPECT_EQ(counts[0].ok, 2);
  EXPECT_EQ(counts[0].errors, 3);
  EXPECT_EQ(CountOf(log, "file refused, keeps the old one"), 3) << log;
  EXPECT_EQ(CountOf(log, "it is bad"), 2) << log;
  EXPECT_EQ(CountOf(log, "No such file"), 1) << log;
  EXPECT_EQ(CountOf(log, "\"level\":\"info\",\"message\":\"file loaded\",\"file\":\"keys\""), 2) << log;
  EXPECT_FALSE(absl::StrContains(log, "worse")) << log;
}

TEST_F(FileWatchTest, WhatIsHalfWrittenIsTriedAgain) {
  Write(path_, "one");
  FileWatch watch(absl::Milliseconds(5), log_);
  watch.Add(path_, "keys", Loader(), "one");
  Write(path_, "two, but bad");
  EXPECT_TRUE(Eventually([&] { return watch.counts()[0].errors == 1; }));
  EXPECT_THAT(loaded(), IsEmpty());
  Write(path_, "two");
  EXPECT_TRUE(Loads("two"));
}

// Each beginning of such a file is well-formed.
TEST_F(FileWatchTest, WhatIsBeingWrittenIsNotTaken) {
  bool in_time = false;
  for (int attempt = 0; !in_time && attempt < 5; ++attempt) {
    const size_t before = loaded().size();
    std::string last;
    {
      Write(path_, "0");
      FileWatch watch(absl::Milliseconds(1), log_);
      watch.Add(path_, "keys", Loader(), "0");
      absl::Time written = absl::Now();
      in_time = true;
      for (int i = 0; i < 100; ++i) {
        absl::StrAppend(&last, i, "\n");
        Write(path_ + ".part", last);
        std::filesystem::rename(path_ + ".part", path_);
        // On a machine that is too slow for this a pause may look like the end.
        in_time = in_time && absl::Now() - written < absl::Milliseconds(50);
        written = absl::Now();
        absl::SleepFor(absl::Milliseconds(5));
      }
      EXPECT_TRUE(Loads(last));
    }
    EXPECT_TRUE(!in_time || loaded().size() == before + 1);
  }
}

TEST_F(FileWatchTest, EachFileIsForItself) {
  const std::string other = PathOf("other");
  Write(path_, "bad");
  Write(other, "one");
  FileWatch watch(absl::Hours(1), log_);
  watch.Add(path_, "keys", Loader());
  watch.Add(other, "other", Loader());
  watch.Add(PathOf("absent"), "absent", Loader());
  watch.ReloadNow();
  EXPECT_THAT(loaded(), ElementsAre("one"));
  std::vector<std::string> counts;
  for (const FileWatch::Count& count : watch.counts()) {
    counts.push_back(absl::StrCat(count.name, " ", count.ok, " ", count.errors));
  }
  EXPECT_THAT(counts, ElementsAre("keys 0 1", "other 1 0", "absent 0 1"));
}

TEST_F(FileWatchTest, ManyThreadsMayAsk) {
  Write(path_, "one");
  FileWatch watch(absl::Milliseconds(1), log_);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      watch.Add(path_, absl::StrCat(i), Loader());
      for (int j = 0; j < 20; ++j) watch.ReloadNow();
      watch.counts();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(loaded(), ElementsAre("one", "one", "one", "one"));
}

TEST_F(FileWatchTest, ItEndsAtOnce) {
  const absl::Time start = absl::Now();
  for (int i = 0; i < 20; ++i) {
    Write(path_, absl::StrCat(i));
    FileWatch watch(absl::InfiniteDuration(), log_);
    watch.Add(path_, "keys", Loader());
    if (i % 5 == 0) watch.ReloadNow();
  }
  EXPECT_LT(absl::Now() - start, kPatience);
  EXPECT_EQ(loaded().size(), 4);
}

TEST_F(FileWatchTest, ItEndsBehindALoadThatRuns) {
  Write(path_, "one");
  auto watch = std::make_unique<FileWatch>(absl::Milliseconds(1), log_);
  std::atomic<bool> loading{false};
  std::atomic<bool> may_end{false};
  std::atomic<bool> done{false};
  watch->Add(path_, "keys", [&](const std::string&) {
    loading = true;
    EXPECT_TRUE(Eventually([&] { return may_end.load(); }));
    done = true;
    return absl::OkStatus();
  });
  EXPECT_TRUE(Eventually([&] { return loading.load(); }));
  std::thread ending([&] {
    watch.reset();
    EXPECT_TRUE(done);
  });
  may_end = true;
  ending.join();
}

}  // namespace
}  // namespace atrium
