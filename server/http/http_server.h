#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <latch>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/common/counter.h"
#include "server/common/log.h"
#include "server/http/http_service.h"
#include "server/http/http_session.h"
#include "server/live/io_shard.h"

namespace atrium {

struct HttpOptions {
  // host:port; port 0 picks a free one.
  std::string address = "127.0.0.1:8080";
  HttpLimits limits;
  // Further connections are closed at once. WebSockets do not count.
  int max_connections = 16384;
};

// Sums over all shards.
struct HttpCounts {
  // By the hundreds of their status.
  int64_t responses[6] = {};
  int64_t timeouts = 0;
  int64_t upgrades = 0;
  int64_t rejected_connections = 0;
  int64_t open_connections = 0;
};

// The HTTP/1.1 port: REST, pages, metrics, and the door to WebSockets. Sockets go round the shards.
//
// Thread safety: thread-safe. Created and destroyed off the shards, while they run.
class HttpServer {
 public:
  // Listens and serves. INVALID_ARGUMENT or UNAVAILABLE, with the address, if it cannot listen there; INTERNAL
  // as RestTranscoder::Create. `shards` and `log` must outlive it and all methods' answers.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Create(HttpOptions options, HttpHandlers handlers,
                                                            std::vector<IoShard*> shards, Log& log);

  // Closes all connections, the upgraded ones not included, and waits until none of them uses a handler.
  ~HttpServer();

  uint16_t port() const { return port_; }

  // Refuses new connections; those that are open end with their next response.
  void StopAccepting();

  HttpCounts Counts() const;

 private:
  HttpServer(HttpOptions options, std::unique_ptr<HttpService> service, boost::asio::ip::tcp::acceptor acceptor,
             std::vector<IoShard*> shards, Log& log);

  boost::asio::awaitable<void> Accept();
  // True if `socket` is one too many.
  bool Full();

  const HttpOptions options_;
  const std::unique_ptr<HttpService> service_;
  const uint16_t port_;
  Log& log_;

  // Shared with sessions that wait for an answer, which may outlive the server.
  const std::shared_ptr<HttpGate> gate_ = std::make_shared<HttpGate>();
  std::vector<std::shared_ptr<HttpWorker>> workers_;
  std::latch accept_ended_{1};

  // On the first shard.
  boost::asio::ip::tcp::acceptor acceptor_;
  bool was_full_ = false;
  Counter rejected_;
};

}  // namespace atrium
