// The binary and its data directory: what is kept, and what it says when it cannot start with what is there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/temp_directory.h"

namespace atrium {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class DataDirectoryTest : public testing::Test {
 protected:
  struct Server {
    explicit Server(const std::string& directory)
        : process(ATRIUMD_PATH, {kFreePorts[0], kFreePorts[1], kFreePorts[2], "--data-dir=" + directory}) {}
    // False if it says nothing but why it does not start.
    bool Starts() {
      const std::string ready = process.ReadLine();
      if (ready.empty()) return false;
      port = PortOf(ready, "http=127.0.0.1:");
      return true;
    }
    HttpReply Post(const std::string& text) const {
      return CallHttp(port, {.method = "POST",
                             .path = "/api/rooms/chat:geral/messages",
                             .body = absl::StrCat(R"({"user":"bot","text":")", text, R"("})")});
    }
    std::string State() const { return CallHttp(port, {.path = "/api/rooms/chat:geral/state"}).body; }

    Process process;
    uint16_t port = 0;
  };
  // Why it does not start.
  std::string Refusal() {
    Server server(directory_);
    EXPECT_FALSE(server.Starts());
    EXPECT_EQ(server.process.ExitCode(), 1);
    return server.process.ReadErr();
  }
  // A server has been there, kept a message, and was killed.
  void LeaveAMessage(const std::string& text) {
    Server server(directory_);
    ASSERT_TRUE(server.Starts());
    EXPECT_EQ(server.Post(text).status, 200);
    server.process.Signal(SIGKILL);
    server.process.ExitCode();
  }

  const TempDirectory temp_;
  const std::string directory_ = temp_.path() + "/made/if/absent";
};

TEST_F(DataDirectoryTest, KeepsWhatWasAcknowledged) {
  LeaveAMessage("first");
  LeaveAMessage("second");
  Server server(directory_);
  ASSERT_TRUE(server.Starts());
  EXPECT_THAT(server.State(), AllOf(HasSubstr("first"), HasSubstr("second")));
}

TEST_F(DataDirectoryTest, IsForOneServer) {
  Server first(directory_);
  ASSERT_TRUE(first.Starts());
  EXPECT_THAT(Refusal(), HasSubstr(absl::StrCat("data directory ", directory_, " is in use by another atriumd")));
  EXPECT_EQ(first.Post("still here").status, 200);
}

TEST_F(DataDirectoryTest, MustBeADirectory) {
  std::filesystem::create_directories(temp_.path() + "/made");
  std::ofstream(temp_.path() + "/made/if") << "a file";
  EXPECT_THAT(Refusal(), HasSubstr(absl::StrCat("data directory ", directory_, " cannot be written or read")));
}

TEST_F(DataDirectoryTest, OfAnEarlierVersionIsRead) {
  std::filesystem::create_directories(directory_);
  std::filesystem::copy(ATRIUM_FIXTURES "/data-directory-1", directory_, std::filesystem::copy_options::recursive);
  Server server(directory_);
  ASSERT_TRUE(server.Starts());
  const std::string den = CallHttp(server.port, {.path = "/api/rooms/chat:den/state"}).body;
  EXPECT_THAT(den, AllOf(HasSubstr("\"once\""), HasSubstr("\"twice\""), HasSubstr("f26db300db8ba06")));
  EXPECT_THAT(CallHttp(server.port, {.path = "/api/rooms/chat:aside/state"}).body, HasSubstr("behind the snapshot"));
  EXPECT_EQ(server.Post("and on").status, 200);
}

TEST_F(DataDirectoryTest, OfANewerVersionIsRefused) {
  LeaveAMessage("first");
  std::ofstream(directory_ + "/format") << "2\n";
  EXPECT_THAT(Refusal(), HasSubstr("was written by a newer version of atriumd (format 2, this one knows 1)"));
}

TEST_F(DataDirectoryTest, ThatIsDamagedIsNotUsed) {
  LeaveAMessage(std::string(900, 'a'));
  LeaveAMessage(std::string(900, 'b'));
  int damaged = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_)) {
    const std::string kind = entry.path().extension();
    if ((kind != ".log" && kind != ".sst") || entry.file_size() < 500) continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(200);
    file << "damage";
    ++damaged;
  }
  ASSERT_GT(damaged, 0);
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("is damaged"), HasSubstr("restore it from a backup")));
}

}  // namespace
}  // namespace atrium
