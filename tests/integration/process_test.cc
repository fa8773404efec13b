// The binary itself: what it prints, what it refuses, and how it ends.
#include "tests/support/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <csignal>
#include <regex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
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
  ASSERT_THAT(ready,
              MatchesRegex("atriumd ready grpc=127.0.0.1:[0-9]+ http=127.0.0.1:[0-9]+ admin=127.0.0.1:[0-9]+\n"));
  for (const char* path : {"/livez", "/readyz", "/startupz"}) {
    EXPECT_EQ(CallHttp(PortOf(ready, "admin=127.0.0.1:"), {.path = path}).status, 200) << path;
  }
  const uint16_t port = PortOf(ready, "http=127.0.0.1:");
  EXPECT_EQ(CallHttp(port, {.path = "/healthz"}).status, 200);
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

// Whether somebody takes connections at `address`, which is host:port.
bool Answers(const std::string& address) {
  const size_t colon = address.rfind(':');
  boost::asio::io_context io;
  boost::asio::ip::tcp::socket socket(io);
  boost::system::error_code error;
  const std::string host = absl::StrReplaceAll(address.substr(0, colon), {{"[", ""}, {"]", ""}});
  const auto ip = boost::asio::ip::make_address(host, error);
  if (error) return false;
  socket.connect({ip, static_cast<uint16_t>(std::stoi(address.substr(colon + 1)))}, error);
  return !error;
}

TEST(ProcessTest, NamesTheAddressesThatAnswer) {
  for (const std::string host : {"[::1]", "127.0.0.2", "127.0.0.1"}) {
    Atriumd atriumd({"--dev", absl::StrCat("--grpc-address=", host, ":0"), absl::StrCat("--http-address=", host, ":0"),
                     absl::StrCat("--admin-address=", host, ":0")});
    const std::string ready = atriumd.ReadLine();
    std::smatch doors;
    ASSERT_TRUE(std::regex_match(ready, doors, std::regex("atriumd ready grpc=(\\S+) http=(\\S+) admin=(\\S+)\n")))
        << ready;
    for (const std::string door : {doors[1], doors[2], doors[3]}) {
      EXPECT_THAT(door, testing::StartsWith(absl::StrCat(host, ":")));
      EXPECT_TRUE(Answers(door)) << door;
    }
  }
}

TEST(ProcessTest, TellsHowLongAConnectionIsKept) {
  const auto keep_alive = [](const std::vector<std::string>& flags) {
    Atriumd atriumd(flags);
    const uint16_t port = PortOf(atriumd.ReadLine(), "http=127.0.0.1:");
    return CallHttp(port, {.path = "/healthz", .headers = {{"Connection", "keep-alive"}}}).headers["keep-alive"];
  };
  EXPECT_EQ(keep_alive(kFreePorts), "timeout=75");
  EXPECT_EQ(keep_alive(With(kFreePorts, "--http-idle-timeout=5m")), "timeout=300");
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
    std::string text = atriumd.ReadErr();
    EXPECT_EQ(atriumd.ExitCode(), 2) << text;
    return text;
  };
  EXPECT_THAT(refusal(With(kFreePorts, "--colour=red")), HasSubstr("colour"));
  EXPECT_THAT(refusal(With(kFreePorts, "--shards=many")), HasSubstr("--shards: must be an integer"));
  EXPECT_THAT(refusal(With(kFreePorts, "--empty-ttl=5")), HasSubstr("--empty-ttl: must be a duration"));
  EXPECT_THAT(refusal(With(kFreePorts, "--http-idle-timeout=0s")),
              HasSubstr("--http-idle-timeout: must be a duration"));
  for (const std::string memory : {"lots", "0%", "101%", "5TB", "-1", "1.5GiB", "%", "99999999999GiB", " 1GiB"}) {
    EXPECT_THAT(refusal(With(kFreePorts, absl::StrCat("--memory-limit=", memory))),
                HasSubstr("--memory-limit: must be"));
  }
  EXPECT_THAT(refusal(With(kFreePorts, "surplus")), HasSubstr("positional"));
  EXPECT_THAT(refusal({"--grpc-address=127.0.0.1:0"}), HasSubstr("--dev"));
  for (const std::string host : {"0.0.0.0", "127.evil.example", "127.0.0.1.evil.example", "127.0.0.1x", "127.",
                                 "128.0.0.1", "[::]", "::1", "localhost.evil.example", ""}) {
    for (const std::string flag : {"--http-address", "--grpc-address", "--admin-address"}) {
      EXPECT_THAT(refusal({"--dev", absl::StrCat(flag, "=", host, ":0")}),
                  HasSubstr(absl::StrCat(flag, ": must be a loopback address")));
    }
  }
}

TEST(ProcessTest, NamesABadPort) {
  for (const std::string address :
       {"127.0.0.1:65536", "127.0.0.1:131072", "127.0.0.1:99999999999999999999", "127.0.0.1:", "127.0.0.1:+0",
        "127.0.0.1:-1", "127.0.0.1: 0", "127.0.0.1:0 ", "127.0.0.1:0x50", "127.0.0.1:http", "127.0.0.1", "localhost",
        "[::1]:65536", "[::1]:", "[::1]", ":", ""}) {
    for (const std::string flag : {"--http-address", "--grpc-address"}) {
      // The door that is not named has a free port, so that nothing else is refused.
      const std::string other = flag == "--http-address" ? "--grpc-address" : "--http-address";
      Atriumd atriumd({"--dev", absl::StrCat(other, "=127.0.0.1:0"), absl::StrCat(flag, "=", address)});
      const std::string text = atriumd.ReadErr();
      EXPECT_EQ(atriumd.ExitCode(), 2) << flag << " " << address << " " << text;
      // Without a value a flag is refused before its rule is looked at.
      const std::string rule = ": must be HOST:PORT, with a port from 0 to 65535 in digits";
      EXPECT_THAT(text, HasSubstr(address.empty() ? flag : absl::StrCat(flag, rule)));
    }
  }
  Atriumd variable({"--dev", "--grpc-address=127.0.0.1:0"}, {"ATRIUM_HTTP_ADDRESS=127.0.0.1:65536"});
  EXPECT_THAT(variable.ReadErr(), HasSubstr("--http-address: must be HOST:PORT"));
  EXPECT_EQ(variable.ExitCode(), 2);
}

TEST(ProcessTest, TakesFlagsFromItsEnvironment) {
  Atriumd atriumd({"--dev"}, {"ATRIUM_HTTP_ADDRESS=127.0.0.1:0", "ATRIUM_GRPC_ADDRESS=127.0.0.1:0",
                              "ATRIUM_ADMIN_ADDRESS=127.0.0.1:0", "ATRIUM_MAX_BODY_BYTES=10", "ATRIUM_UNKNOWN=1"});
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
  for (const std::string door : {"grpc", "http", "admin"}) {
    const std::string taken = absl::StrCat("127.0.0.1:", PortOf(ready, absl::StrCat(door, "=127.0.0.1:")));
    std::vector<std::string> flags = {"--dev", absl::StrCat("--", door, "-address=", taken)};
    for (const std::string other : {"grpc", "http", "admin"}) {
      if (other != door) flags.push_back(absl::StrCat("--", other, "-address=127.0.0.1:0"));
    }
    Atriumd second(flags);
    EXPECT_EQ(second.ExitCode(), 1);
    EXPECT_THAT(second.ReadErr(), HasSubstr(absl::StrCat("cannot listen on ", taken)));
  }
}

// Stopped for longer than any client is waited for, as by a suspended machine.
TEST(ProcessTest, ForgivesItsClientsThatItStoodStill) {
  std::vector<std::string> flags = kFreePorts;
  for (const char* flag :
       {"--shards=2", "--ping-interval=1s", "--pong-timeout=1s", "--resume-window=3s", "--hello-timeout=3s",
        "--session-rate=10", "--session-burst=20", "--max-rooms-per-session=10", "--max-components-per-session=10"}) {
    flags.emplace_back(flag);
  }
  Atriumd atriumd(flags);
  const uint16_t port = PortOf(atriumd.ReadLine(), "http=127.0.0.1:");
  const auto greet = [&](RawWebSocket& client, const std::string& token) {
    client.SendText(absl::StrCat(R"({"hello":{"resumeToken":")", token, "\"}}"));
    const std::string welcome = client.ReadMessage();
    const size_t begin = welcome.find("\"resumeToken\":\"") + 15;
    EXPECT_EQ(welcome.find("\"resumed\":true") != std::string::npos, !token.empty()) << welcome;
    return welcome.substr(begin, welcome.find('"', begin) - begin);
  };
  RawWebSocket client(port);
  greet(client, "");
  client.SendText(R"({"id":1,"join":{"roomId":"geral"}})");
  EXPECT_THAT(client.ReadMessage(), HasSubstr("\"join\""));
  // Its burst is used up.
  for (std::string reply; reply.find("error") == std::string::npos; reply = client.ReadMessage()) {
    client.SendText(R"({"id":2,"emit":{"roomId":"geral","event":"hi"}})");
  }
  RawWebSocket silent(port);
  std::string token;
  {
    RawWebSocket lost(port);
    token = greet(lost, "");
  }
  atriumd.Signal(SIGSTOP);
  constexpr int kSeconds = 5;
  for (int second = 0; second < kSeconds; ++second) {
    absl::SleepFor(absl::Seconds(1));
    for (int i = 0; i < 10; ++i) client.SendText(R"({"id":3,"emit":{"roomId":"geral","event":"hi"}})");
  }
  atriumd.Signal(SIGCONT);
  for (int i = 0; i < 10 * kSeconds; ++i) ASSERT_THAT(client.ReadMessage(), HasSubstr("\"success\":true")) << i;
  RawWebSocket back(port);
  greet(back, token);
  greet(silent, "");
  // Nobody who answers is closed afterwards either.
  for (const absl::Time end = absl::Now() + absl::Seconds(3); absl::Now() < end;) {
    const auto frame = client.Read(absl::Now() + absl::Milliseconds(100));
    if (!frame) continue;
    ASSERT_EQ(frame->opcode, WebSocketFrame::kPing);
    client.Send({.opcode = WebSocketFrame::kPong, .payload = frame->payload});
  }
  client.SendText(R"({"id":4,"emit":{"roomId":"geral","event":"hi"}})");
  EXPECT_THAT(client.ReadMessage(), HasSubstr("\"success\":true"));
}

}  // namespace
}  // namespace atrium
