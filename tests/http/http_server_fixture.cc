#include "tests/http/http_server_fixture.h"

#include <sys/socket.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/http/raw_client.h"

namespace atrium {
namespace {

constexpr Page kPages[] = {{"/", "text/html; charset=utf-8", "<p>demo</p>"},
                           {"/assets/main-1a2b.js", "text/javascript", "1;"}};

}  // namespace

HttpServerTest::HttpServerTest() {
  for (int i = 0; i < 2; ++i) {
    shards_.push_back(std::make_unique<IoShard>(i));
    shards_.back()->Start();
  }
}

// Shards end before what runs on them looks at.
HttpServerTest::~HttpServerTest() {
  rpcs_.Release();
  server_ = nullptr;
  shards_.clear();
}

void HttpServerTest::Start(HttpOptions options) {
  options.address = "127.0.0.1:0";
  HttpHandlers handlers{
      .rpcs = rpcs_.table(),
      .streams = rpcs_.streams(),
      .services = AllServices(),
      .pages = kPages,
      .upgrade = [this](IoShard& shard, Socket socket, const WebSocketAnswer& answer,
                        std::string leftover) { TakeUpgrade(shard, std::move(socket), answer, leftover); },
      .may_upgrade = [this] { return may_upgrade_; },
      .origins = origins_};
  handlers.probes["/healthz"] = [](HttpDone done) { done(PlainText(200, "ok")); };
  handlers.probes["/text"] = [this](HttpDone done) { done(PlainText(200, text_())); };
  handlers.probes["/unavailable"] = [](HttpDone done) { done(PlainText(503, "not now")); };
  auto server = HttpServer::Create(options, std::move(handlers), {shards_[0].get(), shards_[1].get()}, log_, refusals_);
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
}

void HttpServerTest::TakeUpgrade(IoShard& shard, Socket socket, const WebSocketAnswer& answer,
                                 const std::string& leftover) {
  std::lock_guard lock(mutex_);
  EXPECT_TRUE(shard.IsCurrent());
  EXPECT_EQ(send(socket.descriptor(), "hello", 5, 0), 5);
  upgrades_.push_back(absl::StrCat(answer.subprotocol, " [", leftover, "]"));
  upgraded_shards_.push_back(shard.index());
}

std::string HttpServerTest::Ask(const std::string& request) {
  RawClient client(server_->port());
  EXPECT_TRUE(client.Send(request));
  return client.ReadResponse();
}

std::string HttpServerTest::Get(const std::string& target, const std::string& headers) {
  return Ask(absl::StrCat("GET ", target, " HTTP/1.1\r\nHost: x\r\n", headers, "\r\n"));
}

std::string HttpServerTest::Post(const std::string& target, const std::string& body) {
  return absl::StrCat("POST ", target,
                      " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ", body.size(),
                      "\r\n\r\n", body);
}

std::vector<std::string> HttpServerTest::upgrades() {
  std::lock_guard lock(mutex_);
  return upgrades_;
}

std::vector<int> HttpServerTest::upgraded_shards() {
  std::lock_guard lock(mutex_);
  return upgraded_shards_;
}

}  // namespace atrium
