// Connections that become WebSockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/http/http_server_fixture.h"
#include "tests/http/raw_client.h"
#include "tests/support/eventually.h"

namespace atrium {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// The headers of a handshake as RFC 6455 1.3 has it.
constexpr char kUpgrade[] =
    "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

class HttpUpgradeTest : public HttpServerTest {
 protected:
  static std::string Handshake(const std::string& headers) {
    return absl::StrCat("GET /ws HTTP/1.1\r\nHost: x\r\n", headers, "\r\n");
  }
};

TEST_F(HttpUpgradeTest, HandsAWebSocketOver) {
  Start();
  RawClient client(server_->port());
  client.Send(Handshake(absl::StrCat(kUpgrade, "Sec-WebSocket-Protocol: other, atrium.v1.proto\r\n",
                                     "Sec-WebSocket-Protocol: atrium.v1.json\r\n")) +
              "first frame");
  const std::string head = client.ReadUntil("\r\n\r\n");
  EXPECT_THAT(head, StartsWith("HTTP/1.1 101 Switching Protocols\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  EXPECT_THAT(head, HasSubstr("\r\nSec-WebSocket-Protocol: atrium.v1.proto\r\n"));
  EXPECT_THAT(client.ReadToEnd(), StartsWith("hello"));
  EXPECT_THAT(upgrades(), ElementsAre("atrium.v1.proto [first frame]"));
  EXPECT_TRUE(Eventually([this] { return server_->Counts().open_connections == 0; }));
  EXPECT_EQ(server_->Counts().upgrades, 1);
}

// However it comes: at once, later, in pieces, as the second request, or by the whole URL.
TEST_F(HttpUpgradeTest, HandsAWebSocketOverWheneverItsHandshakeIsWhole) {
  Start();
  const std::string handshake = Handshake(kUpgrade);
  RawClient late(server_->port());
  absl::SleepFor(absl::Milliseconds(50));
  late.Send(handshake + "a");
  EXPECT_THAT(late.ReadToEnd(), EndsWith("\r\n\r\nhello"));

  RawClient piecemeal(server_->port());
  piecemeal.Send(handshake.substr(0, 20));
  absl::SleepFor(absl::Milliseconds(50));
  piecemeal.Send(handshake.substr(20) + "b");
  EXPECT_THAT(piecemeal.ReadToEnd(), EndsWith("\r\n\r\nhello"));

  RawClient second(server_->port());
  second.Send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(second.ReadResponse(), StartsWith("HTTP/1.1 200"));
  second.Send(handshake + "c");
  EXPECT_THAT(second.ReadToEnd(), EndsWith("\r\n\r\nhello"));

  RawClient absolute(server_->port());
  absolute.Send(absl::StrCat("GET http://x/ws?a=b HTTP/1.1\r\nHost: x\r\n", kUpgrade, "\r\nd"));
  EXPECT_THAT(absolute.ReadToEnd(), EndsWith("\r\n\r\nhello"));
  EXPECT_THAT(upgrades(),
              ElementsAre("atrium.v1.json [a]", "atrium.v1.json [b]", "atrium.v1.json [c]", "atrium.v1.json [d]"));
  EXPECT_EQ(server_->Counts().upgrades, 4);
}

TEST_F(HttpUpgradeTest, SkipsEmptyLinesBeforeAHandshake) {
  Start();
  RawClient client(server_->port());
  client.Send("\r\n\r\n" + Handshake(kUpgrade) + "a");
  EXPECT_THAT(client.ReadToEnd(), testing::AllOf(StartsWith("HTTP/1.1 101"), EndsWith("\r\n\r\nhello")));
  EXPECT_THAT(upgrades(), ElementsAre("atrium.v1.json [a]"));
}

TEST_F(HttpUpgradeTest, TakesJsonIfNoSubprotocolIsOffered) {
  Start();
  RawClient client(server_->port());
  client.Send(Handshake(kUpgrade));
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), Not(HasSubstr("Sec-WebSocket-Protocol")));
  client.ReadToEnd();
  EXPECT_THAT(upgrades(), ElementsAre("atrium.v1.json []"));
}

TEST_F(HttpUpgradeTest, RefusesWrongHandshakes) {
  Start();
  const std::string upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
  const std::string version = "Sec-WebSocket-Version: 13\r\n";
  const std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  EXPECT_THAT(Ask(Handshake("")), testing::AllOf(StartsWith("HTTP/1.1 426"), HasSubstr("\r\nUpgrade: websocket\r\n"),
                                                 HasSubstr("\r\nConnection: close, Upgrade\r\n")));
  EXPECT_THAT(Ask(Handshake("Upgrade: h2c\r\nConnection: Upgrade\r\n" + version + key)), StartsWith("HTTP/1.1 426"));
  EXPECT_THAT(Ask(Handshake("Upgrade: websocket\r\n" + version + key)), StartsWith("HTTP/1.1 426"));
  EXPECT_THAT(Ask(Handshake(upgrade + "Sec-WebSocket-Version: 8\r\n" + key)),
              testing::AllOf(StartsWith("HTTP/1.1 426"), HasSubstr("\r\nSec-WebSocket-Version: 13\r\n"),
                             HasSubstr("\r\nUpgrade: websocket\r\n")));
  EXPECT_THAT(Ask(Handshake(upgrade + version)), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Ask(Handshake(upgrade + version + "Sec-WebSocket-Key: c2hvcnQ=\r\n")), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Ask(Handshake(upgrade + version + key + "Sec-WebSocket-Protocol: chat\r\n")),
              testing::AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("atrium.v1.json or atrium.v1.proto")));
  EXPECT_THAT(Ask(Handshake(upgrade + version + key + key)), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Ask(Handshake(upgrade + version + version + key)), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Ask(Handshake(upgrade + version + key + "Content-Length: 1\r\n")), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Ask("POST /ws HTTP/1.1\r\nHost: x\r\n" + upgrade + version + key + "\r\n"), StartsWith("HTTP/1.1 405"));
  EXPECT_TRUE(upgrades().empty());
}

TEST_F(HttpUpgradeTest, TakesNoQueryOrFragmentForItsPath) {
  Start();
  const auto ask = [this](const char* target) {
    return Ask(absl::StrCat("GET ", target, " HTTP/1.1\r\nHost: x\r\n", kUpgrade, "\r\n"));
  };
  EXPECT_THAT(ask("http://h?/ws"), StartsWith("HTTP/1.1 200")) << "that is the page /";
  for (const char* const target : {"http://h#/ws", "/ws#", "http://u@h/ws", "q://h/ws", "x?u=http://h/ws"}) {
    EXPECT_THAT(ask(target), StartsWith("HTTP/1.1 400")) << target;
  }
  EXPECT_TRUE(upgrades().empty());
}

TEST_F(HttpUpgradeTest, UsesAllShards) {
  Start();
  for (int i = 0; i < 4; ++i) {
    RawClient client(server_->port());
    client.Send(Handshake(kUpgrade));
    client.ReadToEnd();
  }
  EXPECT_THAT(upgraded_shards(), Contains(0));
  EXPECT_THAT(upgraded_shards(), Contains(1));
}

}  // namespace
}  // namespace atrium
