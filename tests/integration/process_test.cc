// The binary itself: what it prints, what it refuses, and how it ends.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "tests/support/eventually.h"
#include "tests/support/http_client.h"
#include "tests/support/raw_websocket.h"

namespace atrium {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;

// A running atriumd, ended with this object.
class Process {
 public:
  explicit Process(const std::vector<std::string>& flags, const std::vector<std::string>& environment = {}) {
    std::array<int, 2> out{};
    std::array<int, 2> err{};
    EXPECT_EQ(pipe2(out.data(), O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(err.data(), O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
    std::vector<std::string> arguments = {ATRIUMD_PATH};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    EXPECT_EQ(
        posix_spawn(&pid_, ATRIUMD_PATH, &actions, nullptr, Pointers(arguments).data(), Pointers(environment).data()),
        0);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    close(err[1]);
    out_ = out[0];
    err_ = err[0];
  }
  ~Process() {
    if (!ended_) kill(pid_, SIGKILL), waitpid(pid_, nullptr, 0);
    close(out_);
    close(err_);
  }

  // Up to the end of what it writes, or of a line.
  std::string ReadLine() { return Read(out_, /*line=*/true); }
  std::string ReadOut() { return Read(out_, /*line=*/false); }
  std::string ReadErr() { return Read(err_, /*line=*/false); }
  void Signal(int number) const { kill(pid_, number); }
  // -1 if it does not end by itself in time.
  int ExitCode() {
    int status = 0;
    ended_ = Eventually([&] { return waitpid(pid_, &status, WNOHANG) == pid_; });
    return ended_ && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  static std::vector<char*> Pointers(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
    pointers.push_back(nullptr);
    return pointers;
  }

  static std::string Read(int fd, bool line) {
    std::string text;
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    char byte = 0;
    while (poll(&ready, 1, static_cast<int>(absl::ToInt64Milliseconds(kPatience))) == 1 && read(fd, &byte, 1) == 1) {
      text.push_back(byte);
      if (line && byte == '\n') break;
    }
    return text;
  }

  pid_t pid_ = 0;
  int out_ = -1;
  int err_ = -1;
  bool ended_ = false;
};

const std::vector<std::string> kFreePorts = {"--dev", "--grpc-address=127.0.0.1:0", "--http-address=127.0.0.1:0"};

std::vector<std::string> With(std::vector<std::string> flags, const std::string& flag) {
  flags.push_back(flag);
  return flags;
}

uint16_t PortOf(const std::string& ready, const std::string& door) {
  return static_cast<uint16_t>(std::stoi(ready.substr(ready.find(door) + door.size())));
}

TEST(ProcessTest, ServesUntilSigterm) {
  Process atriumd(kFreePorts);
  const std::string ready = atriumd.ReadLine();
  ASSERT_THAT(ready, MatchesRegex("atriumd ready grpc=127.0.0.1:[0-9]+ http=127.0.0.1:[0-9]+\n"));
  const uint16_t port = PortOf(ready, "http=127.0.0.1:");
  EXPECT_EQ(CallHttp(port, {.path = "/readyz"}).status, 200);
  RawWebSocket client(port);
  client.SendText(R"({"hello":{}})");
  EXPECT_THAT(client.ReadMessage(), HasSubstr("welcome"));

  atriumd.Signal(SIGTERM);
  EXPECT_THAT(client.ReadMessage(), HasSubstr(R"({"goodbye":{"code":3001)"));
  EXPECT_EQ(client.ReadClose(), 3001);
  client.Send({.opcode = WebSocketFrame::kClose, .payload = ClosePayload(3001)});
  EXPECT_EQ(atriumd.ExitCode(), 0);
  EXPECT_THAT(atriumd.ReadErr(), HasSubstr("\"message\":\"drained\""));
}

TEST(ProcessTest, EndsWithSigintToo) {
  Process atriumd(kFreePorts);
  atriumd.ReadLine();
  atriumd.Signal(SIGINT);
  EXPECT_EQ(atriumd.ExitCode(), 0);
}

TEST(ProcessTest, PrintsItsHelpAndVersion) {
  Process help({"--help"});
  EXPECT_THAT(help.ReadOut(), AllOf(HasSubstr("atriumd --dev"), HasSubstr("--http-address"), HasSubstr("ATRIUM_")));
  EXPECT_EQ(help.ExitCode(), 0);
  Process version({"--version"});
  EXPECT_THAT(version.ReadOut(), MatchesRegex("atriumd [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  EXPECT_EQ(version.ExitCode(), 0);
}

TEST(ProcessTest, NamesABadFlag) {
  const auto refusal = [](const std::vector<std::string>& flags) {
    Process atriumd(flags);
    const std::string text = atriumd.ReadErr();
    EXPECT_EQ(atriumd.ExitCode(), 2) << text;
    return text;
  };
  EXPECT_THAT(refusal(With(kFreePorts, "--colour=red")), HasSubstr("colour"));
  EXPECT_THAT(refusal(With(kFreePorts, "--shards=many")), HasSubstr("--shards: must be an integer"));
  EXPECT_THAT(refusal(With(kFreePorts, "--empty-ttl=5")), HasSubstr("--empty-ttl: must be a duration"));
  EXPECT_THAT(refusal(With(kFreePorts, "surplus")), HasSubstr("positional"));
  EXPECT_THAT(refusal({"--grpc-address=127.0.0.1:0"}), HasSubstr("--dev"));
  EXPECT_THAT(refusal({"--dev", "--http-address=0.0.0.0:0"}), HasSubstr("--http-address: must be a loopback address"));
}

TEST(ProcessTest, TakesFlagsFromItsEnvironment) {
  Process atriumd({"--dev"}, {"ATRIUM_HTTP_ADDRESS=127.0.0.1:0", "ATRIUM_GRPC_ADDRESS=127.0.0.1:0",
                              "ATRIUM_MAX_BODY_BYTES=10", "ATRIUM_UNKNOWN=1"});
  const std::string ready = atriumd.ReadLine();
  ASSERT_THAT(ready, HasSubstr("atriumd ready"));
  const uint16_t port = PortOf(ready, "http=127.0.0.1:");
  EXPECT_EQ(CallHttp(port, {.method = "POST", .path = "/api/rooms/a/emit", .body = R"({"event":"x"})"}).status, 413);

  // A flag wins; a bad variable is named as its flag.
  Process bad(kFreePorts, {"ATRIUM_SHARDS=many"});
  EXPECT_THAT(bad.ReadErr(), HasSubstr("--shards"));
  EXPECT_EQ(bad.ExitCode(), 2);
  Process overridden(With(kFreePorts, "--shards=1"), {"ATRIUM_SHARDS=many"});
  EXPECT_THAT(overridden.ReadLine(), HasSubstr("atriumd ready"));
}

TEST(ProcessTest, NamesATakenAddress) {
  Process first(kFreePorts);
  const std::string ready = first.ReadLine();
  const std::string http = absl::StrCat("127.0.0.1:", PortOf(ready, "http=127.0.0.1:"));
  const std::string grpc = absl::StrCat("127.0.0.1:", PortOf(ready, "grpc=127.0.0.1:"));
  Process same_http({"--dev", "--grpc-address=127.0.0.1:0", absl::StrCat("--http-address=", http)});
  EXPECT_EQ(same_http.ExitCode(), 1);
  EXPECT_THAT(same_http.ReadErr(), HasSubstr(absl::StrCat("cannot listen on ", http)));
  Process same_grpc({"--dev", absl::StrCat("--grpc-address=", grpc), "--http-address=127.0.0.1:0"});
  EXPECT_EQ(same_grpc.ExitCode(), 1);
  EXPECT_THAT(same_grpc.ReadErr(), HasSubstr(absl::StrCat("cannot listen on ", grpc)));
}

}  // namespace
}  // namespace atrium
