#include "server/http/http_server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/common/status_macros.h"

namespace atrium {
namespace {

namespace asio = boost::asio;

using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);

// Out of file descriptors: some may come free.
constexpr std::chrono::milliseconds kAcceptPause(100);

absl::StatusOr<tcp::endpoint> Resolve(const std::string& address, asio::io_context& io) {
  const size_t colon = address.rfind(':');
  if (colon == address.npos) {
    return absl::InvalidArgumentError(absl::StrCat("HTTP address ", address, ": must be host:port"));
  }
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  error_code error;
  const auto found = tcp::resolver(io).resolve(host, address.substr(colon + 1), tcp::resolver::passive, error);
  if (error || found.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("HTTP address ", address, ": ", error.message()));
  }
  return found.begin()->endpoint();
}

absl::StatusOr<tcp::acceptor> Listen(const std::string& address, asio::io_context& io) {
  ASSIGN_OR_RETURN(const tcp::endpoint endpoint, Resolve(address, io));
  tcp::acceptor acceptor(io);
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error) return absl::UnavailableError(absl::StrCat("cannot listen on ", address, ": ", error.message()));
  return acceptor;
}

uint16_t BoundPort(const tcp::acceptor& acceptor) {
  error_code ignored;
  return acceptor.local_endpoint(ignored).port();
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Create(HttpOptions options, HttpHandlers handlers,
                                                               std::vector<IoShard*> shards, Log& log) {
  ASSIGN_OR_RETURN(std::unique_ptr<HttpService> service, HttpService::Create(std::move(handlers)));
  ASSIGN_OR_RETURN(tcp::acceptor acceptor, Listen(options.address, shards.front()->io()));
  return std::unique_ptr<HttpServer>(
      new HttpServer(std::move(options), std::move(service), std::move(acceptor), std::move(shards), log));
}

HttpServer::HttpServer(HttpOptions options, std::unique_ptr<HttpService> service, tcp::acceptor acceptor,
                       std::vector<IoShard*> shards, Log& log)
    : options_(std::move(options)),
      service_(std::move(service)),
      port_(BoundPort(acceptor)),
      log_(log),
      acceptor_(std::move(acceptor)) {
  for (IoShard* const shard : shards) {
    workers_.emplace_back(
        new HttpWorker{.shard = *shard, .service = *service_, .limits = options_.limits, .gate = gate_});
  }
  asio::co_spawn(acceptor_.get_executor(), Accept(), [this](std::exception_ptr) { accept_ended_.count_down(); });
}

HttpServer::~HttpServer() {
  StopAccepting();
  accept_ended_.wait();
  std::latch running(static_cast<std::ptrdiff_t>(workers_.size()));
  for (const auto& worker : workers_) {
    worker->shard.Post([&worker, &running] { worker->Close([&running] { running.count_down(); }); });
  }
  running.wait();
}

void HttpServer::StopAccepting() {
  gate_->draining.store(true, std::memory_order_relaxed);
  workers_.front()->shard.Post([this] {
    error_code ignored;
    acceptor_.close(ignored);
  });
}

HttpCounts HttpServer::Counts() const {
  HttpCounts counts{.rejected_connections = rejected_.value(),
                    .open_connections = gate_->open.load(std::memory_order_relaxed)};
  for (const auto& worker : workers_) {
    for (size_t i = 0; i < std::size(counts.responses); ++i) {
      counts.responses[i] += worker->counters.responses[i].value();
    }
    counts.timeouts += worker->counters.timeouts.value();
    counts.upgrades += worker->counters.upgrades.value();
  }
  return counts;
}

asio::awaitable<void> HttpServer::Accept() {
  for (size_t next = 0;; next = (next + 1) % workers_.size()) {
    const std::shared_ptr<HttpWorker>& worker = workers_[next];
    tcp::socket socket(worker->shard.io());
    const auto [error] = co_await acceptor_.async_accept(socket, kToken);
    if (!acceptor_.is_open()) co_return;
    if (error) {
      log_.Warning("cannot accept connections", {{"error", error.message()}});
      asio::steady_timer timer(acceptor_.get_executor(), kAcceptPause);
      co_await timer.async_wait(kToken);
      continue;
    }
    if (Full()) continue;
    gate_->open.fetch_add(1, std::memory_order_relaxed);
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    worker->shard.Post([socket = std::move(socket), worker]() mutable { ServeHttp(std::move(socket), worker); });
  }
}

bool HttpServer::Full() {
  const bool full = gate_->open.load(std::memory_order_relaxed) >= options_.max_connections;
  if (full) rejected_.Add(1);
  if (full && !was_full_) {
    log_.Warning("connections refused: too many are open", {{"limit", options_.max_connections}});
  }
  was_full_ = full;
  return full;
}

}  // namespace atrium
