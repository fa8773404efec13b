#include "server/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/write.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/http/fake_rpcs.h"
#include "tests/http/raw_client.h"
#include "tests/support/eventually.h"

namespace atrium {
namespace {

using boost::asio::ip::tcp;
using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr Page kPages[] = {{"/", "text/html; charset=utf-8", "<p>demo</p>"},
                           {"/assets/main-1a2b.js", "text/javascript", "1;"}};

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    for (int i = 0; i < 2; ++i) {
      shards_.push_back(std::make_unique<IoShard>(i));
      shards_.back()->Start();
    }
  }
  ~HttpServerTest() override { rpcs_.Release(); }

  void Start(HttpOptions options = {}) {
    options.address = "127.0.0.1:0";
    HttpHandlers handlers{
        .rpcs = rpcs_.table(),
        .streams = rpcs_.streams(),
        .services = AllServices(),
        .metrics = [] { return std::string("a_metric 1\n"); },
        .ready = [this] { return ready_.load(); },
        .pages = kPages,
        .upgrade =
            [this](IoShard& shard, tcp::socket socket, const WebSocketAnswer& answer, std::string leftover) {
              std::lock_guard lock(mutex_);
              EXPECT_EQ(&socket.get_executor().context(), &shard.io());
              boost::asio::write(socket, boost::asio::buffer("hello"));
              upgrades_.push_back(absl::StrCat(answer.subprotocol, " [", leftover, "]"));
              upgraded_shards_.push_back(shard.index());
            }};
    auto server =
        HttpServer::Create(std::move(options), std::move(handlers), {shards_[0].get(), shards_[1].get()}, log_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  // What one request on a connection of its own is answered with.
  std::string Ask(const std::string& request) {
    RawClient client(server_->port());
    EXPECT_TRUE(client.Send(request));
    return client.ReadResponse();
  }

  std::string Get(const std::string& target, const std::string& headers = "") {
    return Ask(absl::StrCat("GET ", target, " HTTP/1.1\r\nHost: x\r\n", headers, "\r\n"));
  }

  static std::string Post(const std::string& target, const std::string& body) {
    return absl::StrCat("POST ", target,
                        " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ", body.size(),
                        "\r\n\r\n", body);
  }

  static std::string Handshake(const std::string& headers) {
    return absl::StrCat("GET /ws HTTP/1.1\r\nHost: x\r\n", headers, "\r\n");
  }

  std::vector<std::string> upgrades() {
    std::lock_guard lock(mutex_);
    return upgrades_;
  }

  FakeRpcs rpcs_;
  Log log_{LogLevel::kError};
  std::atomic<bool> ready_{true};
  std::mutex mutex_;
  std::vector<std::string> upgrades_;
  std::vector<int> upgraded_shards_;
  std::vector<std::unique_ptr<IoShard>> shards_;
  std::unique_ptr<HttpServer> server_;
};

// The headers of a handshake as RFC 6455 1.3 has it.
constexpr char kUpgrade[] =
    "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

TEST_F(HttpServerTest, ServesRest) {
  Start();
  const std::string response = Ask(Post("/api/rooms/tech/emit", R"({"event":"e","data":[1]})"));
  EXPECT_THAT(response, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nX-Content-Type-Options: nosniff\r\n"));
  EXPECT_THAT(response, EndsWith(R"({"success":false,"event":"","notified":0,"roomId":""})"));
  EXPECT_EQ(rpcs_.last_call(), R"(RoomService.Emit {"roomId":"tech","event":"e"} [1])");
  EXPECT_EQ(server_->Counts().responses[2], 1);
}

TEST_F(HttpServerTest, AnswersErrorsAsJson) {
  Start();
  EXPECT_THAT(Get("/nothing"), testing::AllOf(StartsWith("HTTP/1.1 404 Not Found\r\n"), HasSubstr(R"({"code":5,)")));
  const std::string response = Ask("PUT /api/rooms/a/emit HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(response, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_THAT(response, HasSubstr("\r\nAllow: POST\r\n"));
  EXPECT_EQ(server_->Counts().responses[4], 2);
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  Start();
  rpcs_.Hold();
  RawClient client(server_->port());
  client.Send(Post("/api/rooms/tech/emit", "{}") + "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" +
              "GET /api/rooms HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(rpcs_.AwaitHeld(1));
  rpcs_.Release();
  EXPECT_THAT(client.ReadResponse(), HasSubstr("notified"));
  EXPECT_THAT(client.ReadResponse(), EndsWith("\r\n\r\nok"));
  EXPECT_THAT(client.ReadToEnd(), HasSubstr("nextPageToken"));
}

TEST_F(HttpServerTest, KeepsAConnectionUntilItIsToldToClose) {
  Start();
  RawClient client(server_->port());
  for (int i = 0; i < 3; ++i) {
    client.Send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(client.ReadResponse(), HasSubstr("\r\nConnection: keep-alive\r\n"));
  }
  client.Send("GET /healthz HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.ReadToEnd(), HasSubstr("\r\nConnection: close\r\n"));
}

TEST_F(HttpServerTest, TakesTheTargetOfAProxy) {
  Start();
  EXPECT_THAT(Ask("GET http://x:80/healthz HTTP/1.1\r\nHost: x\r\n\r\n"), EndsWith("ok"));
}

TEST_F(HttpServerTest, TellsHealthReadinessAndMetrics) {
  Start();
  EXPECT_THAT(Get("/healthz"), EndsWith("\r\n\r\nok"));
  EXPECT_THAT(Get("/readyz"), testing::AllOf(StartsWith("HTTP/1.1 200"), EndsWith("ok")));
  EXPECT_THAT(Get("/metrics"), testing::AllOf(HasSubstr("text/plain; version=0.0.4"), EndsWith("a_metric 1\n")));
  ready_ = false;
  EXPECT_THAT(Get("/readyz"), testing::AllOf(StartsWith("HTTP/1.1 503"), EndsWith("draining")));
  EXPECT_THAT(Ask(Post("/metrics", "")), testing::AllOf(StartsWith("HTTP/1.1 405"), HasSubstr("Allow: GET, HEAD")));
}

TEST_F(HttpServerTest, ServesPages) {
  Start();
  const std::string page = Get("/?query");
  EXPECT_THAT(page, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(page, HasSubstr("\r\nContent-Type: text/html; charset=utf-8\r\n"));
  EXPECT_THAT(page, HasSubstr("\r\nContent-Security-Policy: default-src 'self';"));
  EXPECT_THAT(page, HasSubstr("\r\nCache-Control: no-cache\r\n"));
  EXPECT_THAT(page, EndsWith("<p>demo</p>"));
  EXPECT_THAT(Get("/assets/main-1a2b.js"), HasSubstr("immutable"));

  const size_t tag = page.find("ETag: ") + 6;
  const std::string etag = page.substr(tag, page.find("\r\n", tag) - tag);
  const std::string unchanged = Get("/", absl::StrCat("If-None-Match: ", etag, "\r\n"));
  EXPECT_THAT(unchanged, StartsWith("HTTP/1.1 304"));
  EXPECT_THAT(unchanged, Not(HasSubstr("demo")));
  EXPECT_THAT(Get("/", "If-None-Match: \"other\"\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, AnswersHeadWithoutBody) {
  Start();
  RawClient client(server_->port());
  client.Send("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.ReadToEnd(),
              testing::AllOf(HasSubstr("\r\nContent-Length: 11\r\n"), EndsWith("\r\n\r\n"), Not(HasSubstr("demo"))));
}

TEST_F(HttpServerTest, ReadsABodyAfterSayingContinue) {
  Start();
  RawClient client(server_->port());
  client.Send(
      "POST /api/rooms/a/emit HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
      "Expect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("{}");
  EXPECT_THAT(client.ReadResponse(), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, RefusesALargeBodyWhileItIsStillSent) {
  HttpOptions options;
  options.limits.max_body_bytes = 1000;
  Start(options);
  RawClient client(server_->port());
  const std::string request = Post("/api/rooms/a/emit", std::string(1001, ' '));
  // Half of it: a server that closed at once would reset the connection by the other half.
  client.Send(request.substr(0, request.size() / 2));
  EXPECT_THAT(client.ReadResponse(),
              testing::AllOf(StartsWith("HTTP/1.1 413"), HasSubstr("Connection: close"), HasSubstr("BODY_TOO_LARGE")));
  EXPECT_TRUE(client.Send(request.substr(request.size() / 2)));
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_THAT(Ask(Post("/api/rooms/a/emit", "{}" + std::string(998, ' '))), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, RefusesALargeChunkedBody) {
  HttpOptions options;
  options.limits.max_body_bytes = 10;
  Start(options);
  EXPECT_THAT(Ask("POST /api/rooms/a/emit HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "b\r\n12345678901\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
}

TEST_F(HttpServerTest, RefusesWhatIsNotHttp) {
  Start();
  for (const char* const request :
       {"nonsense\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /\x01 HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nbad header\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"}) {
    EXPECT_THAT(Ask(request), testing::AllOf(StartsWith("HTTP/1.1 400 Bad Request\r\n"), HasSubstr(R"({"code":3,)")))
        << request;
  }
  EXPECT_THAT(Get("/", "Long: " + std::string(20'000, 'a') + "\r\n"), StartsWith("HTTP/1.1 431"));
}

TEST_F(HttpServerTest, CutsHalfARequest) {
  HttpOptions options;
  options.limits.request_timeout = absl::Milliseconds(200);
  Start(options);
  for (const char* const half : {"GET /heal", "POST /api/rooms/a/emit HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"}) {
    RawClient client(server_->port());
    client.Send(half);
    EXPECT_THAT(client.ReadToEnd(),
                testing::AllOf(StartsWith("HTTP/1.1 408 Request Timeout\r\n"), HasSubstr("REQUEST_TIMEOUT")));
  }
  EXPECT_EQ(server_->Counts().timeouts, 2);
}

TEST_F(HttpServerTest, CutsASilentConnection) {
  HttpOptions options;
  options.limits.request_timeout = absl::Milliseconds(100);
  Start(options);
  RawClient client(server_->port());
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_TRUE(Eventually([this] { return server_->Counts().open_connections == 0; }));
  EXPECT_EQ(server_->Counts().timeouts, 1);
}

TEST_F(HttpServerTest, CutsAnIdleConnectionLater) {
  HttpOptions options;
  options.limits.request_timeout = absl::Milliseconds(100);
  options.limits.idle_timeout = absl::Milliseconds(500);
  Start(options);
  RawClient client(server_->port());
  client.Send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  client.ReadResponse();
  const absl::Time idle = absl::Now();
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_GE(absl::Now() - idle, absl::Milliseconds(400));
}

TEST_F(HttpServerTest, LetsAMethodTakeLongerThanTheRequest) {
  HttpOptions options;
  options.limits.request_timeout = absl::Milliseconds(50);
  Start(options);
  rpcs_.Hold();
  RawClient slow(server_->port());
  slow.Send("GET /api/rooms HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(rpcs_.AwaitHeld(1));
  RawClient silent(server_->port());
  EXPECT_EQ(silent.ReadToEnd(), "") << "by now the timeout has passed";
  rpcs_.Release();
  EXPECT_THAT(slow.ReadResponse(), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, HandsAWebSocketOver) {
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

TEST_F(HttpServerTest, TakesJsonIfNoSubprotocolIsOffered) {
  Start();
  RawClient client(server_->port());
  client.Send(Handshake(kUpgrade));
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), Not(HasSubstr("Sec-WebSocket-Protocol")));
  client.ReadToEnd();
  EXPECT_THAT(upgrades(), ElementsAre("atrium.v1.json []"));
}

TEST_F(HttpServerTest, RefusesWrongHandshakes) {
  Start();
  const std::string upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
  const std::string version = "Sec-WebSocket-Version: 13\r\n";
  const std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  EXPECT_THAT(Ask(Handshake("")), testing::AllOf(StartsWith("HTTP/1.1 426"), HasSubstr("\r\nUpgrade: websocket\r\n")));
  EXPECT_THAT(Ask(Handshake("Upgrade: h2c\r\nConnection: Upgrade\r\n" + version + key)), StartsWith("HTTP/1.1 426"));
  EXPECT_THAT(Ask(Handshake("Upgrade: websocket\r\n" + version + key)), StartsWith("HTTP/1.1 426"));
  EXPECT_THAT(Ask(Handshake(upgrade + "Sec-WebSocket-Version: 8\r\n" + key)),
              testing::AllOf(StartsWith("HTTP/1.1 426"), HasSubstr("\r\nSec-WebSocket-Version: 13\r\n")));
  EXPECT_THAT(Ask(Handshake(upgrade + version)), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Ask(Handshake(upgrade + version + "Sec-WebSocket-Key: c2hvcnQ=\r\n")), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Ask(Handshake(upgrade + version + key + "Sec-WebSocket-Protocol: chat\r\n")),
              testing::AllOf(StartsWith("HTTP/1.1 400"), HasSubstr("atrium.v1.json or atrium.v1.proto")));
  EXPECT_THAT(Ask("POST /ws HTTP/1.1\r\nHost: x\r\n" + upgrade + version + key + "\r\n"), StartsWith("HTTP/1.1 405"));
  EXPECT_TRUE(upgrades().empty());
}

TEST_F(HttpServerTest, UsesAllShards) {
  Start();
  for (int i = 0; i < 4; ++i) {
    RawClient client(server_->port());
    client.Send(Handshake(kUpgrade));
    client.ReadToEnd();
  }
  std::lock_guard lock(mutex_);
  EXPECT_THAT(upgraded_shards_, Contains(0));
  EXPECT_THAT(upgraded_shards_, Contains(1));
}

TEST_F(HttpServerTest, RefusesTooManyConnections) {
  HttpOptions options;
  options.max_connections = 2;
  Start(options);
  auto first = std::make_unique<RawClient>(server_->port());
  RawClient second(server_->port());
  ASSERT_TRUE(Eventually([this] { return server_->Counts().open_connections == 2; }));
  RawClient third(server_->port());
  EXPECT_EQ(third.ReadToEnd(), "");
  EXPECT_EQ(server_->Counts().rejected_connections, 1);
  first.reset();
  ASSERT_TRUE(Eventually([this] { return server_->Counts().open_connections == 1; }));
  EXPECT_THAT(Get("/healthz"), EndsWith("ok"));
}

TEST_F(HttpServerTest, StopsAccepting) {
  Start();
  RawClient client(server_->port());
  client.Send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  client.ReadResponse();
  server_->StopAccepting();
  EXPECT_TRUE(Eventually([this] { return !RawClient(server_->port()).connected(); }));
  client.Send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.ReadToEnd(), HasSubstr("\r\nConnection: close\r\n"));
}

TEST_F(HttpServerTest, ClosesItsConnectionsWhenDestroyed) {
  Start();
  rpcs_.Hold();
  RawClient idle(server_->port());
  RawClient waiting(server_->port());
  idle.Send("GET /heal");
  waiting.Send("GET /api/rooms HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(rpcs_.AwaitHeld(1));
  const absl::Time start = absl::Now();
  server_.reset();
  EXPECT_EQ(idle.ReadToEnd(), "");
  EXPECT_LT(absl::Now() - start, absl::Seconds(5)) << "that was its timeout";
  rpcs_.Release();
  EXPECT_EQ(waiting.ReadToEnd(), "");
}

TEST_F(HttpServerTest, DoesNotStartAtABadAddress) {
  Start();
  for (const std::string& address :
       {std::string("nowhere"), std::string("127.0.0.1:x"), absl::StrCat("127.0.0.1:", server_->port())}) {
    HttpHandlers handlers{.rpcs = rpcs_.table(), .streams = rpcs_.streams(), .services = AllServices()};
    const auto second = HttpServer::Create({.address = address}, std::move(handlers), {shards_[0].get()}, log_);
    ASSERT_FALSE(second.ok());
    EXPECT_THAT(std::string(second.status().message()), HasSubstr(address));
  }
}

}  // namespace
}  // namespace atrium
