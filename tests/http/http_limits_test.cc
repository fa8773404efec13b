// What the HTTP server takes of a client, and for how long.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/http/http_server_fixture.h"
#include "tests/http/raw_client.h"
#include "tests/support/eventually.h"
#include "tests/support/gzip.h"

namespace atrium {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HttpLimitsTest : public HttpServerTest {};

TEST_F(HttpLimitsTest, ReadsABodyAfterSayingContinue) {
  Start();
  RawClient client(server_->port());
  client.Send(
      "POST /api/rooms/a/emit HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
      "Expect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("{}");
  EXPECT_THAT(client.ReadResponse(), StartsWith("HTTP/1.1 200"));
}

// RFC 9110 section 10.1.1.
TEST_F(HttpLimitsTest, SaysNoContinueToHttpOnePointZero) {
  Start();
  RawClient client(server_->port());
  client.Send(
      "POST /api/rooms/a/emit HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
      "Expect: 100-continue\r\n\r\n{}");
  EXPECT_THAT(client.ReadToEnd(), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpLimitsTest, RefusesALargeBodyWhileItIsStillSent) {
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

// RFC 9110 section 9.3.2: a client takes what would follow the head for the next response.
TEST_F(HttpLimitsTest, RefusesHeadWithoutBody) {
  HttpOptions options;
  options.limits.max_body_bytes = 10;
  Start(options);
  const std::string host = "HEAD /healthz HTTP/1.1\r\nHost: x\r\n";
  for (const auto& [request, refusal] :
       {std::pair<std::string, const char*>("HEAD /healthz HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "),
        {"HEAD http://x#/healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 "},
        {host + "bad header\r\n\r\n", "HTTP/1.1 400 "},
        {host + "Transfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 501 "},
        {host + "Content-Length: 11\r\n\r\n12345678901", "HTTP/1.1 413 "},
        {host + "Transfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n", "HTTP/1.1 413 "},
        {host + "Transfer-Encoding: chunked\r\n\r\nx\r\n", "HTTP/1.1 400 "},
        {host + "Long: " + std::string(20'000, 'a') + "\r\n\r\n", "HTTP/1.1 431 "}}) {
    RawClient client(server_->port());
    client.Send(request);
    EXPECT_THAT(client.ReadToEnd(), testing::AllOf(StartsWith(refusal), HasSubstr("\r\nContent-Length: "),
                                                   EndsWith("\r\n\r\n"), Not(HasSubstr("\"code\""))))
        << request.substr(0, 200);
  }
  EXPECT_THAT(Ask("HEAD  HTTP/1.1\r\n\r\n"), HasSubstr("\"code\"")) << "that is no request to leave the body out";
}

TEST_F(HttpLimitsTest, RefusesALargeChunkedBody) {
  HttpOptions options;
  options.limits.max_body_bytes = 10;
  Start(options);
  EXPECT_THAT(Ask("POST /api/rooms/a/emit HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "b\r\n12345678901\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
}

TEST_F(HttpLimitsTest, TakesAnyBodyWhereThereIsNoLimit) {
  HttpOptions options;
  options.limits.max_body_bytes = 0;
  options.max_connections = 0;
  Start(options);
  EXPECT_THAT(Ask(Post("/api/rooms/a/emit", "{}" + std::string(3'000'000, ' '))), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(Ask(absl::StrCat("POST /api/rooms/a/emit HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                               "Content-Encoding: gzip\r\nContent-Length: ",
                               Gzip("{}").size(), "\r\n\r\n", Gzip("{}"))),
              StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpLimitsTest, BoundsWhatAChunkSaysBesideItsBytes) {
  Start();
  const std::string head = "POST /api/rooms/a/emit HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_THAT(Ask(head + "1;a=" + std::string(100'000, 'b')), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(Ask(head + "0\r\nTrailer: " + std::string(100'000, 'b')), StartsWith("HTTP/1.1 400"));
}

TEST_F(HttpLimitsTest, CutsHalfARequest) {
  HttpOptions options;
  options.limits.request_timeout = absl::Milliseconds(200);
  Start(options);
  for (const char* const half :
       {"GET /heal", "POST /api/rooms/a/emit HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab"}) {
    RawClient client(server_->port());
    client.Send(half);
    EXPECT_THAT(client.ReadToEnd(),
                testing::AllOf(StartsWith("HTTP/1.1 408 Request Timeout\r\n"), HasSubstr("REQUEST_TIMEOUT")));
  }
  EXPECT_EQ(server_->Counts().timeouts, 2);
}

TEST_F(HttpLimitsTest, CutsASilentConnection) {
  HttpOptions options;
  options.limits.request_timeout = absl::Milliseconds(100);
  Start(options);
  RawClient client(server_->port());
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_TRUE(Eventually([this] { return server_->Counts().open_connections == 0; }));
  EXPECT_EQ(server_->Counts().timeouts, 1);
}

TEST_F(HttpLimitsTest, ForgivesItsClientsThatItStoodStill) {
  HttpOptions options;
  options.limits.request_timeout = absl::Seconds(1);
  Start(options);
  const std::string request = Post("/api/rooms/a/emit", "{}");
  RawClient half(server_->port());
  half.Send(request.substr(0, request.size() - 1));
  RawClient silent(server_->port());
  ASSERT_TRUE(Eventually([this] { return server_->Counts().open_connections == 2; }));
  // Runs on both shards, and waits until it has.
  const auto on_shards = [this](const std::function<void(IoShard&, absl::AnyInvocable<void()>)>& task) {
    const auto done = std::make_shared<std::atomic<int>>(0);
    for (const auto& shard : shards_) {
      shard->Post([&shard = *shard, task, done] { task(shard, [done] { ++*done; }); });
    }
    return Eventually([&] { return *done == 2; });
  };
  // By then it has read what there was.
  ASSERT_TRUE(on_shards([](IoShard& shard, auto done) { shard.WhenIdle(std::move(done)); }));
  ASSERT_TRUE(on_shards([](IoShard&, auto done) {
    absl::SleepFor(absl::Seconds(2.5));
    done();
  }));
  // And by then it has run the timers that were due.
  ASSERT_TRUE(on_shards([](IoShard& shard, auto done) {
    shard.NextTurn([&shard, done = std::move(done)]() mutable { shard.NextTurn(std::move(done)); });
  }));
  half.Send(request.substr(request.size() - 1));
  silent.Send(request);
  EXPECT_THAT(half.ReadResponse(), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(silent.ReadResponse(), StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(server_->Counts().timeouts, 0);
}

// An empty line is no request that has begun.
TEST_F(HttpLimitsTest, CutsAnIdleConnectionLater) {
  HttpOptions options;
  options.limits.request_timeout = absl::Milliseconds(100);
  options.limits.idle_timeout = absl::Milliseconds(500);
  Start(options);
  for (const char* const sent : {"", "\r\n"}) {
    RawClient client(server_->port());
    client.Send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    client.ReadResponse();
    const absl::Time idle = absl::Now();
    client.Send(sent);
    EXPECT_EQ(client.ReadToEnd(), "");
    EXPECT_GE(absl::Now() - idle, absl::Milliseconds(400));
  }
  EXPECT_EQ(server_->Counts().timeouts, 2);
}

TEST_F(HttpLimitsTest, LetsAClientReadSlowlyAsLongAsItReads) {
  HttpOptions options;
  options.limits.request_timeout = absl::Milliseconds(500);
  const std::string large(4'000'000, 'x');
  text_ = [&large] { return std::string(large); };
  Start(options);
  RawClient client(server_->port(), /*receive_buffer=*/64 * 1024);
  client.Send("GET /text HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const absl::Time start = absl::Now();
  std::string received;
  for (std::string piece = client.ReadSome(); !piece.empty(); piece = client.ReadSome()) {
    received += piece;
    // Steadily: a megabyte a second.
    absl::SleepFor(start + absl::Microseconds(received.size()) - absl::Now());
  }
  EXPECT_GT(received.size(), large.size());
  EXPECT_EQ(server_->Counts().timeouts, 0);
}

TEST_F(HttpLimitsTest, CutsAClientThatReadsNothing) {
  HttpOptions options;
  options.limits.request_timeout = absl::Milliseconds(200);
  text_ = [] { return std::string(20'000'000, 'x'); };
  Start(options);
  RawClient client(server_->port(), /*receive_buffer=*/64 * 1024);
  client.Send("GET /text HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(Eventually([this] { return server_->Counts().timeouts == 1; }));
  EXPECT_TRUE(Eventually([this] { return server_->Counts().open_connections == 0; }));
}

TEST_F(HttpLimitsTest, AnswersFewPipelinedRequestsInATurn) {
  constexpr int kConnections = 40;
  constexpr int kRequests = 10;
  static thread_local int in_this_turn = 0;
  std::atomic<int> most = 0;
  // The shards look at it even when the test is over.
  const auto answered = std::make_shared<std::atomic<int>>(0);
  text_ = [&] {
    // Longer than a turn has for what can wait.
    absl::SleepFor(absl::Milliseconds(1));
    most = std::max(most.load(), ++in_this_turn);
    ++*answered;
    return std::string("a_metric 1\n");
  };
  Start();
  for (const auto& shard : shards_) {
    shard->Post([shard = shard.get(), answered] {
      shard->Poll([answered] {
        in_this_turn = 0;
        return *answered < kConnections * kRequests;
      });
    });
  }
  const std::string request = "GET /text HTTP/1.1\r\nHost: x\r\n\r\n";
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < kConnections; ++i) {
    clients.push_back(std::make_unique<RawClient>(server_->port()));
    clients.back()->Send(request);
    clients.back()->ReadResponse();
  }
  std::string requests;
  for (int i = 1; i < kRequests; ++i) requests += request;
  for (const auto& client : clients) client->Send(requests);
  for (const auto& client : clients) {
    for (int i = 1; i < kRequests; ++i) EXPECT_THAT(client->ReadResponse(), EndsWith("a_metric 1\n"));
  }
  EXPECT_LE(most, 8);
}

TEST_F(HttpLimitsTest, LetsAMethodTakeLongerThanTheRequest) {
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

TEST_F(HttpLimitsTest, RefusesTooManyConnections) {
  HttpOptions options;
  options.max_connections = 2;
  Start(options);
  auto first = std::make_unique<RawClient>(server_->port());
  RawClient second(server_->port());
  ASSERT_TRUE(Eventually([this] { return server_->Counts().open_connections == 2; }));
  RawClient third(server_->port());
  EXPECT_EQ(third.ReadToEnd(), "");
  EXPECT_EQ(refusals_.count(Limit::kHttpConnections), 1);
  first.reset();
  ASSERT_TRUE(Eventually([this] { return server_->Counts().open_connections == 1; }));
  EXPECT_THAT(Get("/healthz"), EndsWith("ok"));
}

}  // namespace
}  // namespace atrium
