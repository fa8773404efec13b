// What the binary itself does with credentials: it reads them again when it is told to, and writes none of them
// anywhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/credentials.h"
#include "tests/support/eventually.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/raw_websocket.h"

namespace atrium {
namespace {

using testing::HasSubstr;
using testing::Not;

class CredentialsProcessTest : public ::testing::Test {
 protected:
  std::vector<std::string> Flags() const {
    std::vector<std::string> flags = credentials_.Flags();
    // All but --dev.
    flags.insert(flags.end(), kFreePorts.begin() + 1, kFreePorts.end());
    flags.emplace_back("--log-level=debug");
    return flags;
  }
  int StatusWith(const std::string& name, const std::string& value) const {
    return CallHttp(http_, {.path = "/api/rooms", .headers = {{name, value}}}).status;
  }

  const TestCredentials credentials_;
  Process atriumd_{ATRIUMD_PATH, Flags()};
  const std::string ready_ = atriumd_.ReadLine();
  const uint16_t http_ = PortOf(ready_, "http=127.0.0.1:");
};

TEST_F(CredentialsProcessTest, SighupReadsTheFilesAgain) {
  EXPECT_EQ(StatusWith("x-api-key", TestCredentials::Secret("new")), 401);
  credentials_.WriteKeys({TestCredentials::Key("new", R"([{methods: ["*"]}])")});
  atriumd_.Signal(SIGHUP);
  EXPECT_TRUE(Eventually([&] { return StatusWith("x-api-key", TestCredentials::Secret("new")) == 200; }));
  EXPECT_EQ(StatusWith("x-api-key", TestCredentials::Secret("all")), 401);
  atriumd_.Signal(SIGTERM);
  EXPECT_EQ(atriumd_.ExitCode(), 0);
}

TEST_F(CredentialsProcessTest, SecretsAreInNoLogMetricOrError) {
  const std::string good = credentials_.Token("ana", R"([{"room":"geral","can":["join"]}])");
  const std::string expired = credentials_.TokenWith("ana", {.ttl = absl::Seconds(-90)});
  const std::string foreign = TokenMaker("HS256").Make(R"({"sub":"ana"})");
  const std::string key = TestCredentials::Secret("all");
  const std::string unknown = TestCredentials::Secret("unknown");
  const std::string wrong = key.substr(0, key.size() - 4) + "WRNG";
  std::string told;
  for (const std::string& secret : {good, expired, foreign, key, unknown, wrong, good + "x", "atk_" + good}) {
    for (const std::string& value : {"Bearer " + secret, secret, "Bearer " + secret + ", Bearer " + secret}) {
      told += CallHttp(http_, {.path = "/api/rooms", .headers = {{"authorization", value}}}).body;
      told += CallHttp(http_, {.path = "/api/rooms", .headers = {{"x-api-key", value}}}).body;
    }
    RawWebSocket by_hello(http_);
    by_hello.SendText(absl::StrCat(R"({"id":1,"hello":{"token":")", secret, "\"}}"));
    by_hello.SendText(absl::StrCat(R"({"id":2,"refresh":{"token":")", expired, "\"}}"));
    // Whichever of the two is refused, the connection ends.
    for (std::string message = by_hello.ReadMessage(); !message.empty(); message = by_hello.ReadMessage()) {
      told += message;
    }
    RawWebSocket by_subprotocol(http_, {.subprotocol = "atrium.v1.json, atrium.bearer." + secret});
    by_subprotocol.SendText(R"({"id":1,"hello":{}})");
    told += by_subprotocol.ReadMessage();
    for (const auto& [name, value] : by_subprotocol.handshake().headers) told += value;
  }
  told += CallHttp(PortOf(ready_, "admin=127.0.0.1:"), {.path = "/metrics"}).body;
  atriumd_.Signal(SIGTERM);
  EXPECT_EQ(atriumd_.ExitCode(), 0);
  told += atriumd_.ReadErr() + atriumd_.ReadOut();
  EXPECT_THAT(told, HasSubstr("somebody was not authenticated"));
  // The signature of a token, and most of the random part of a key, are what must not be known.
  for (const std::string& secret : {good, expired, foreign, key, unknown, wrong}) {
    EXPECT_THAT(told, Not(HasSubstr(secret.substr(secret.size() - 20)))) << secret;
  }
}

}  // namespace
}  // namespace atrium
