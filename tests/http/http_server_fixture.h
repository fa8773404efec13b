#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/http/http_server.h"
#include "server/live/shards/io_shard.h"
#include "tests/http/fake_rpcs.h"

namespace atrium {

// An HttpServer on two shards, with methods that do nothing and pages. What becomes a WebSocket is noted, sent "hello"
// and closed.
class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest();
  ~HttpServerTest() override;

  // At a free port of 127.0.0.1.
  void Start(HttpOptions options = {});

  // What one request on a connection of its own is answered with.
  std::string Ask(const std::string& request);
  std::string Get(const std::string& target, const std::string& headers = "");

  // The text of a request.
  static std::string Post(const std::string& target, const std::string& body);

  // Of the connections that were handed over: "subprotocol [what came behind the head]", and the shard.
  std::vector<std::string> upgrades();
  std::vector<int> upgraded_shards();

  FakeRpcs rpcs_;
  Log log_{LogLevel::kError};
  Refusals refusals_{log_};
  // These are for before Start: what GET /text answers, and what is said of WebSockets and names.
  std::function<std::string()> text_ = [] { return std::string("a text\n"); };
  absl::Status may_upgrade_;
  Origins origins_;
  std::vector<std::unique_ptr<IoShard>> shards_;
  std::unique_ptr<HttpServer> server_;

 private:
  void TakeUpgrade(IoShard& shard, Socket socket, const WebSocketAnswer& answer, const std::string& leftover);

  std::mutex mutex_;
  std::vector<std::string> upgrades_;
  std::vector<int> upgraded_shards_;
};

}  // namespace atrium
