#include "server/http/http_server.h"

#include <latch>
#include <utility>

#include "server/common/status_macros.h"
#include "server/http/arrival.h"

namespace atrium {

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Create(const HttpOptions& options, HttpHandlers handlers,
                                                               std::vector<IoShard*> shards, Log& log,
                                                               Refusals& refusals, ConnectionLimiter* limiter) {
  ASSIGN_OR_RETURN(std::unique_ptr<HttpService> service, HttpService::Create(std::move(handlers)));
  std::unique_ptr<HttpServer> server(new HttpServer(options, std::move(service), shards, refusals));
  ASSIGN_OR_RETURN(server->listener_, TcpListener::Open(options.name, options.address, std::move(shards), log, limiter,
                                                        [server = server.get()](size_t shard, Socket socket) {
                                                          server->Serve(std::move(socket), server->http_shards_[shard]);
                                                        }));
  return server;
}

HttpServer::HttpServer(const HttpOptions& options, std::unique_ptr<HttpService> service,
                       const std::vector<IoShard*>& shards, Refusals& refusals)
    : options_(options), service_(std::move(service)), refusals_(refusals) {
  for (IoShard* const shard : shards) {
    http_shards_.emplace_back(
        new HttpShard{.shard = *shard, .service = *service_, .limits = options_.limits, .gate = gate_});
  }
}

HttpServer::~HttpServer() {
  gate_->draining.store(true, std::memory_order_relaxed);
  listener_ = nullptr;
  std::latch running(static_cast<std::ptrdiff_t>(http_shards_.size()));
  for (const auto& http : http_shards_) {
    http->shard.Post([&http, &running] { http->Close([&running] { running.count_down(); }); });
  }
  running.wait();
}

void HttpServer::StopAccepting() {
  gate_->draining.store(true, std::memory_order_relaxed);
  listener_->Stop();
}

HttpCounts HttpServer::Counts() const {
  HttpCounts counts{.open_connections = gate_->open.load(std::memory_order_relaxed)};
  for (const auto& http : http_shards_) {
    for (size_t i = 0; i < std::size(counts.responses); ++i) {
      counts.responses[i] += http->counters.responses[i].value();
    }
    counts.timeouts += http->counters.timeouts.value();
    counts.upgrades += http->counters.upgrades.value();
  }
  return counts;
}

void HttpServer::Serve(Socket socket, const std::shared_ptr<HttpShard>& http) {
  const int limit = options_.max_connections;
  if (limit > 0 && gate_->open.load(std::memory_order_relaxed) >= limit) {
    return refusals_.Count(Limit::kHttpConnections, limit);
  }
  auto arrival = std::make_shared<Arrival>(std::move(socket), http);
  http->shard.Post([arrival = std::move(arrival)] { arrival->Start(); });
}

}  // namespace atrium
