// The end of a server, as its clients and rooms see it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rooms/chat.pb.h"
#include "server/live/authoring/live_room.h"
#include "server/live/authoring/room_registry.h"
#include "tests/support/http_client.h"
#include "tests/support/tcp_socket.h"
#include "tests/support/test_client.h"
#include "tests/support/test_server.h"

namespace atrium {
namespace {

using testing::HasSubstr;

// Counts its hooks.
class CountingRoom final : public LiveRoom<rooms::ChatState, rooms::ChatMeta> {
 public:
  static constexpr absl::string_view kName = "counting";
  static void Describe(RoomType<CountingRoom>&) {}

  Awaitable<absl::Status> OnJoin(JoinContext&) override {
    ++joins;
    co_return absl::OkStatus();
  }
  void OnLeave(LeaveContext& leave) override { leaves += leave.reason == v1::LEAVE_REASON_DISCONNECT; }

  inline static std::atomic<int> joins = 0;
  inline static std::atomic<int> leaves = 0;
};

class ShutdownTest : public testing::TestWithParam<int> {
 protected:
  ShutdownTest()
      : server_({absl::StrCat("--shards=", GetParam())},
                [](RoomRegistry& registry) { return registry.Add<CountingRoom>(); }) {
    CountingRoom::joins = 0;
    CountingRoom::leaves = 0;
  }

  TestServer server_;
};

INSTANTIATE_TEST_SUITE_P(Shards, ShutdownTest, testing::Values(1, 2),
                         [](const auto& info) { return absl::StrCat(info.param); });

TEST_P(ShutdownTest, SaysGoodbyeToEveryClient) {
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(std::make_unique<TestClient>(server_, static_cast<Door>(i % 3)));
    const HttpReply joined =
        server_.Post("/api/rooms/counting:a/members", absl::StrCat(R"({"memberId":")", clients.back()->id(), "\"}"));
    ASSERT_EQ(joined.status, 200) << joined.body;
  }
  EXPECT_EQ(CountingRoom::joins, 12);
  TcpSocket kept_alive(server_.http_port());
  kept_alive.Send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  std::string unread;
  EXPECT_EQ(ReadHttpReply(kept_alive, unread, absl::Now() + kPatience).status, 200);

  std::thread drain([this] { server_.Drain(); });
  for (size_t i = 0; i < clients.size(); ++i) {
    TestClient& client = *clients[i];
    const v1::Goodbye goodbye = client.WaitForGoodbye();
    EXPECT_EQ(goodbye.code(), 3001u);
    EXPECT_THAT(goodbye.reason(), HasSubstr("shutting down"));
    constexpr int kUnavailable = 14;
    EXPECT_EQ(client.WaitForEnd(), static_cast<Door>(i % 3) == Door::kGrpc ? kUnavailable : 3001);
    EXPECT_TRUE(client.frames().back().has_goodbye());
  }
  drain.join();
  EXPECT_EQ(CountingRoom::leaves, 12);

  kept_alive.Send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const HttpReply alive = ReadHttpReply(kept_alive, unread, absl::Now() + kPatience);
  EXPECT_EQ(alive.status, 200);
  EXPECT_EQ(alive.headers.at("connection"), "close");
  EXPECT_FALSE(TcpSocket(server_.http_port()).connected());
  EXPECT_EQ(server_.GetFromAdmin("/readyz").body, "draining");
}

TEST_P(ShutdownTest, WaitsForNobodyWhoDoesNotAnswer) {
  auto mute = std::make_unique<TestClient>(server_, Door::kJson);
  auto mute_too = std::make_unique<TestClient>(server_, Door::kGrpc);
  const absl::Time start = absl::Now();
  server_.Drain();
  // The close is waited for, 2 s and a tick.
  EXPECT_LT(absl::Now() - start, absl::Seconds(6));
}

TEST_P(ShutdownTest, MayComeWithoutADrain) {
  auto server = std::make_unique<TestServer>(TestServer::Flags{absl::StrCat("--shards=", GetParam())});
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(std::make_unique<TestClient>(*server, static_cast<Door>(i % 3)));
    clients.back()->Join("geral");
    clients.back()->Send(EmitFrame("geral", "on its way"));
  }
  server = nullptr;
  for (const auto& client : clients) client->WaitForEnd();
}

}  // namespace
}  // namespace atrium
