#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/common/log.h"
#include "server/common/refusals.h"
#include "server/http/http_service.h"
#include "server/http/http_session.h"
#include "server/live/shards/io_shard.h"
#include "server/net/connection_limiter.h"
#include "server/net/listener.h"

namespace atrium {

struct HttpOptions {
  // It stands before the address in errors.
  absl::string_view name = "HTTP";
  // This is host:port; port 0 picks a free one.
  std::string address = "127.0.0.1:8080";
  HttpLimits limits;
  // Further connections are closed at once. WebSockets do not count. 0 means no limit.
  int max_connections = 16384;
};

// These are sums over all shards.
struct HttpCounts {
  // They are counted by the hundreds of their status.
  int64_t responses[6] = {};
  int64_t timeouts = 0;
  int64_t upgrades = 0;
  int64_t open_connections = 0;
};

// The HTTP/1.1 port: REST, pages, metrics, and the door to WebSockets. Sockets go round the shards.
//
// It is thread-safe, and created and destroyed off the shards, while they run.
class HttpServer {
 public:
  // Listens and serves. INVALID_ARGUMENT or UNAVAILABLE, with the address, if it cannot listen there; INTERNAL if
  // RestTranscoder::Create fails. `limiter` is asked about each connection, unless it is null, and `refusals` counts
  // who is one too many; these, `shards` and `log` must outlive it and all methods' answers.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Create(const HttpOptions& options, HttpHandlers handlers,
                                                            std::vector<IoShard*> shards, Log& log, Refusals& refusals,
                                                            ConnectionLimiter* limiter = nullptr);

  // Closes all connections, the upgraded ones not included, and waits until none of them uses a handler.
  ~HttpServer();

  uint16_t port() const { return listener_->port(); }
  // Returns where it listens, as host:port, with the brackets of IPv6.
  std::string address() const { return listener_->address(); }

  // Refuses new connections; those that are open end with their next response.
  void StopAccepting();

  HttpCounts Counts() const;

 private:
  HttpServer(const HttpOptions& options, std::unique_ptr<HttpService> service, const std::vector<IoShard*>& shards,
             Refusals& refusals);

  void Serve(Socket socket, const std::shared_ptr<HttpShard>& http);

  const HttpOptions options_;
  const std::unique_ptr<HttpService> service_;
  Refusals& refusals_;

  // Sessions that wait for an answer share this, and may outlive the server.
  const std::shared_ptr<HttpGate> gate_ = std::make_shared<HttpGate>();
  std::vector<std::shared_ptr<HttpShard>> http_shards_;
  // This is null if it could not listen.
  std::unique_ptr<TcpListener> listener_;
};

}  // namespace atrium
