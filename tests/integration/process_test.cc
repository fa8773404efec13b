// The binary itself: what it prints, what it refuses, and how it ends.
#include "tests/support/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/http_client.h"
#include "tests/support/raw_websocket.h"

namespace atrium {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;

// The atriumd of this build.
class Atriumd : public Process {
 public:
  explicit Atriumd(const std::vector<std::string>& flags, const std::vector<std::string>& environment = {})
      : Process(ATRIUMD_PATH, flags, environment) {}
};

std::vector<std::string> With(std::vector<std::string> flags, const std::string& flag) {
  flags.push_back(flag);
  return flags;
}

TEST(ProcessTest, ServesUntilSigterm) {
  Atriumd atriumd(kFreePorts);
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
  Atriumd atriumd(kFreePorts);
  atriumd.ReadLine();
  atriumd.Signal(SIGINT);
  EXPECT_EQ(atriumd.ExitCode(), 0);
}

TEST(ProcessTest, PrintsItsHelpAndVersion) {
  Atriumd help({"--help"});
  EXPECT_THAT(help.ReadOut(), AllOf(HasSubstr("atriumd --dev"), HasSubstr("--http-address"), HasSubstr("ATRIUM_")));
  EXPECT_EQ(help.ExitCode(), 0);
  Atriumd version({"--version"});
  EXPECT_THAT(version.ReadOut(), MatchesRegex("atriumd [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  EXPECT_EQ(version.ExitCode(), 0);
}

TEST(ProcessTest, NamesABadFlag) {
  const auto refusal = [](const std::vector<std::string>& flags) {
    Atriumd atriumd(flags);
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
  Atriumd atriumd({"--dev"}, {"ATRIUM_HTTP_ADDRESS=127.0.0.1:0", "ATRIUM_GRPC_ADDRESS=127.0.0.1:0",
                              "ATRIUM_MAX_BODY_BYTES=10", "ATRIUM_UNKNOWN=1"});
  const std::string ready = atriumd.ReadLine();
  ASSERT_THAT(ready, HasSubstr("atriumd ready"));
  const uint16_t port = PortOf(ready, "http=127.0.0.1:");
  EXPECT_EQ(CallHttp(port, {.method = "POST", .path = "/api/rooms/a/emit", .body = R"({"event":"x"})"}).status, 413);

  // A flag wins; a bad variable is named as its flag.
  Atriumd bad(kFreePorts, {"ATRIUM_SHARDS=many"});
  EXPECT_THAT(bad.ReadErr(), HasSubstr("--shards"));
  EXPECT_EQ(bad.ExitCode(), 2);
  Atriumd overridden(With(kFreePorts, "--shards=1"), {"ATRIUM_SHARDS=many"});
  EXPECT_THAT(overridden.ReadLine(), HasSubstr("atriumd ready"));
}

TEST(ProcessTest, NamesATakenAddress) {
  Atriumd first(kFreePorts);
  const std::string ready = first.ReadLine();
  const std::string http = absl::StrCat("127.0.0.1:", PortOf(ready, "http=127.0.0.1:"));
  const std::string grpc = absl::StrCat("127.0.0.1:", PortOf(ready, "grpc=127.0.0.1:"));
  Atriumd same_http({"--dev", "--grpc-address=127.0.0.1:0", absl::StrCat("--http-address=", http)});
  EXPECT_EQ(same_http.ExitCode(), 1);
  EXPECT_THAT(same_http.ReadErr(), HasSubstr(absl::StrCat("cannot listen on ", http)));
  Atriumd same_grpc({"--dev", absl::StrCat("--grpc-address=", grpc), "--http-address=127.0.0.1:0"});
  EXPECT_EQ(same_grpc.ExitCode(), 1);
  EXPECT_THAT(same_grpc.ReadErr(), HasSubstr(absl::StrCat("cannot listen on ", grpc)));
}

}  // namespace
}  // namespace atrium
