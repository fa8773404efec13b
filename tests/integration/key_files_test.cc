// The files of keys are read again when they change, and what cannot be read leaves those that were.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/options.h"
#include "server/server.h"
#include "tests/support/credentials.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

using ::testing::HasSubstr;

class KeyFilesTest : public ::testing::Test {
 protected:
  int StatusWith(const std::string& credential) const {
    return CallHttp(server_.http_port(), {.path = "/api/rooms", .headers = {{"authorization", "Bearer " + credential}}})
        .status;
  }

  TestServer::Flags Flags() const {
    TestServer::Flags flags = credentials_.Flags();
    flags.push_back("--max-sessions-per-user=0");
    return flags;
  }

  const TestCredentials credentials_;
  TestServer server_{Flags()};
};

TEST_F(KeyFilesTest, NewKeysCountAndOldOnesDoNot) {
  credentials_.WriteKeys({TestCredentials::Key("new", R"([{methods: ["*"]}])")});
  server_.Reload();
  EXPECT_EQ(StatusWith(TestCredentials::Secret("new")), 200);
  EXPECT_EQ(StatusWith(TestCredentials::Secret("all")), 401);
  const TokenMaker other("ES256", "other");
  WriteFile(credentials_.jwks_path(), Jwks({other}));
  server_.Reload();
  EXPECT_EQ(StatusWith(credentials_.Token("ana")), 401);
  EXPECT_EQ(server_.Metric("atrium_reloads_total{file=\"service-keys\",result=\"ok\"}"), 1);
  EXPECT_EQ(server_.Metric("atrium_reloads_total{file=\"client-jwks\",result=\"ok\"}"), 1);
}

TEST_F(KeyFilesTest, WhatCannotBeReadChangesNothing) {
  for (const char* broken : {"", "keys: [", "\xff\xfe", "keys:\n  - {id: all, sha256: zz, scopes: []}"}) {
    WriteFile(credentials_.keys_path(), broken);
    WriteFile(credentials_.jwks_path(), broken);
    server_.Reload();
    EXPECT_EQ(StatusWith(TestCredentials::Secret("all")), 200) << broken;
    EXPECT_EQ(StatusWith(credentials_.Token("ana")), 200) << broken;
  }
  EXPECT_GE(server_.Metric("atrium_reloads_total{file=\"service-keys\",result=\"error\"}"), 3);
}

TEST_F(KeyFilesTest, ClientsWhoComeDuringReloadsMissNothing) {
  const std::string token = credentials_.Token("ana", R"([{"room":"geral","can":["join"]}])");
  std::atomic<bool> done{false};
  std::thread reloads([&] {
    for (int i = 0; !done; ++i) {
      const TokenMaker other("HS256", absl::StrCat("other", i));
      WriteFile(credentials_.jwks_path(), Jwks({credentials_.issuer(), other}));
      server_.Reload();
    }
  });
  for (int i = 0; i < 100; ++i) {
    TestClient ana(server_, Door::kJson, token);
    EXPECT_EQ(ana.welcome().user_id(), "ana");
  }
  done = true;
  reloads.join();
}

TEST(StartTest, WithoutCredentialsIsRefused) {
  const auto refusal = [](std::vector<const char*> argv) {
    argv.insert(argv.begin(), "atriumd");
    return std::string(ParseCommandLine(static_cast<int>(argv.size()), argv.data()).status().message());
  };
  EXPECT_THAT(refusal({}), HasSubstr("--service-keys: is required"));
  EXPECT_THAT(refusal({"--client-jwks=a.json"}), HasSubstr("--client-audience: is required"));
  EXPECT_THAT(refusal({"--service-keys=a.yaml", "--grpc-address=0.0.0.0:0"}), HasSubstr("--grpc-behind-proxy"));
  EXPECT_EQ(refusal({"--service-keys=a.yaml", "--grpc-address=0.0.0.0:0", "--grpc-behind-proxy"}), "");
  EXPECT_THAT(refusal({"--service-keys=a.yaml", "--allow-anonymous=a*b"}), HasSubstr("--allow-anonymous"));
}

TEST(StartTest, NamesTheFileThatIsWrong) {
  const TestCredentials credentials;
  WriteFile(credentials.keys_path(), "keys:\n  - {id: all, sha256: zz, scopes: [{methods: [Emit]}]}\n");
  std::vector<std::string> flags = credentials.Flags();
  for (const char* const port : {"grpc", "http", "admin"})
    flags.push_back(absl::StrCat("--", port, "-address=127.0.0.1:0"));
  std::vector<const char*> argv = {"atriumd"};
  for (const std::string& flag : flags) argv.push_back(flag.c_str());
  const auto command_line = ParseCommandLine(static_cast<int>(argv.size()), argv.data());
  ASSERT_TRUE(command_line.ok()) << command_line.status();
  const auto server = Server::Create(command_line->options, RoomRegistry(), {});
  EXPECT_THAT(std::string(server.status().message()), HasSubstr("--service-keys: " + credentials.keys_path()));
  EXPECT_THAT(std::string(server.status().message()), HasSubstr("keys[0].sha256"));
}

}  // namespace
}  // namespace atrium
