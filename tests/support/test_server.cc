#include "tests/support/test_server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "rooms/room_catalog.h"
#include "server/options.h"
#include "server/server.h"

namespace atrium {

TestServer::TestServer(const Flags& flags, const AddRooms& more_rooms) {
  std::vector<const char*> argv = {"atriumd", "--grpc-address=127.0.0.1:0", "--http-address=127.0.0.1:0",
                                   "--admin-address=127.0.0.1:0"};
  for (const std::string& flag : flags) argv.push_back(flag.c_str());
  const auto given = [&](const char* name) {
    return std::any_of(flags.begin(), flags.end(), [&](const auto& flag) { return absl::StartsWith(flag, name); });
  };
  if (!given("--service-keys") && !given("--client-jwks")) argv.push_back("--dev");
  if (!given("--shards")) argv.push_back("--shards=2");
  if (!given("--log-level")) argv.push_back("--log-level=error");
  absl::StatusOr<CommandLine> command_line = ParseCommandLine(static_cast<int>(argv.size()), argv.data());
  RoomRegistry registry;
  absl::Status status = command_line.status();
  if (status.ok()) status = RegisterRooms(registry);
  if (status.ok() && more_rooms) status = more_rooms(registry);
  if (status.ok()) {
    absl::StatusOr<std::unique_ptr<Server>> server = Server::Create(command_line->options, std::move(registry), {});
    status = server.status();
    if (server.ok()) server_ = *std::move(server);
  }
  EXPECT_TRUE(status.ok()) << status;
}

TestServer::~TestServer() = default;

uint16_t TestServer::grpc_port() const { return server_->grpc_port(); }
uint16_t TestServer::http_port() const { return server_->http_port(); }
uint16_t TestServer::admin_port() const { return server_->admin_port(); }
void TestServer::Reload() { server_->Reload(); }
void TestServer::Drain() { server_->Drain(); }

HttpReply TestServer::Call(const std::string& method, const std::string& path, const std::string& body) const {
  return CallHttp(http_port(), {.method = method, .path = path, .body = body});
}

HttpReply TestServer::GetFromAdmin(const std::string& path) const { return CallHttp(admin_port(), {.path = path}); }

double TestServer::Metric(const std::string& line) const {
  const std::string text = GetFromAdmin("/metrics").body;
  for (const absl::string_view candidate : absl::StrSplit(text, '\n')) {
    double value = 0;
    if (absl::StartsWith(candidate, absl::StrCat(line, " ")) &&
        absl::SimpleAtod(candidate.substr(line.size() + 1), &value)) {
      return value;
    }
  }
  return -1;
}

bool TestServer::MetricReaches(const std::string& line, double value, absl::Duration patience) const {
  return Eventually([&] { return Metric(line) >= value; }, patience);
}

}  // namespace atrium
