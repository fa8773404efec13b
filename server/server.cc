#include "server/server.h"

#include <google/protobuf/descriptor.h>

#include <latch>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/time/clock.h"
#include "server/common/status_macros.h"
#include "server/engine/embedded_log.h"
#include "server/grpc/grpc_door.h"
#include "server/live/room_password.h"
#include "server/metrics/metrics.h"
#include "server/version.h"

namespace atrium {
namespace {

constexpr absl::Duration kGoodbyeInterval = absl::Milliseconds(100);
constexpr size_t kGoodbyeAtOnce = 1000;
constexpr size_t kGoodbyeBatch = 500;
constexpr absl::Duration kCallGrace = absl::Seconds(1);
// Passwords are most of it: what waits must be done within a hook's deadline, and each that runs takes 64 MiB.
constexpr int kWorkers = 2;
constexpr size_t kMaxQueuedWork = 64;

std::vector<std::unique_ptr<IoShard>> MakeShards(int count) {
  std::vector<std::unique_ptr<IoShard>> shards;
  for (int i = 0; i < count; ++i) shards.push_back(std::make_unique<IoShard>(i));
  return shards;
}

// The services, by their files: their generated classes are gRPC's.
std::vector<const google::protobuf::ServiceDescriptor*> RestServices() {
  const google::protobuf::DescriptorPool& pool = *google::protobuf::DescriptorPool::generated_pool();
  return {pool.FindServiceByName("atrium.v1.RoomService"), pool.FindServiceByName("atrium.v1.SessionService")};
}

}  // namespace

Server::Server(const Options& options, RoomRegistry registry, std::unique_ptr<RoomLog> store)
    : options_(options),
      log_(options.log_level),
      registry_(std::move(registry)),
      shards_(MakeShards(options.shards)),
      workers_(kWorkers, kMaxQueuedWork),
      store_(std::move(store)),
      rooms_(registry_, options.rooms, AllShards(), workers_, log_, store_.get()),
      session_api_(hubs_),
      room_api_(rooms_, session_api_) {
  for (const auto& shard : shards_) {
    hubs_.push_back(std::make_unique<SessionHub>(*shard, options.sessions, room_api_, log_, hubs_));
    doors_.push_back(std::make_unique<WebSocketDoor>(*hubs_.back(), *shard, doors_));
  }
  room_api_.AddTo(rpcs_);
  session_api_.AddTo(rpcs_);
  session_api_.AddTo(streams_);
}

Server::~Server() {
  draining_ = true;
  if (grpc_ != nullptr) grpc_->Shutdown(absl::ZeroDuration());
  http_ = nullptr;
  workers_.Shutdown();
  // What gRPC's last callbacks and the workers have posted, and what of it has gone on to another shard.
  Settle();
  Settle();
  for (const auto& shard : shards_) shard->Stop();
}

absl::StatusOr<std::unique_ptr<Server>> Server::Create(const Options& options, RoomRegistry registry,
                                                       absl::Span<const Page> pages) {
  RETURN_IF_ERROR(StartPasswordHashing());
  std::unique_ptr<RoomLog> store;
  if (!options.data_dir.empty()) {
    ASSIGN_OR_RETURN(store, OpenEmbeddedLog({.directory = options.data_dir}));
  }
  auto server = absl::WrapUnique(new Server(options, std::move(registry), std::move(store)));
  for (const auto& shard : server->shards_) shard->Start();
  RETURN_IF_ERROR(server->LoadRooms());
  for (const auto& hub : server->hubs_) {
    hub->shard().Post([hub = hub.get()] { hub->Start(); });
  }
  RETURN_IF_ERROR(server->Listen(pages));
  return server;
}

absl::Status Server::LoadRooms() {
  if (store_ == nullptr) {
    for (const auto& type : registry_.types()) {
      if (type->options.durable) log_.Warning("no --data-dir: these rooms live in memory only", {{"type", type->name}});
    }
    return absl::OkStatus();
  }
  absl::Status status;
  std::latch learned(1);
  rooms_.Start([&](absl::Status result) {
    status = std::move(result);
    learned.count_down();
  });
  learned.wait();
  Settle();
  return status;
}

absl::Status Server::Listen(absl::Span<const Page> pages) {
  HttpOptions http;
  http.address = options_.http_address;
  http.limits.max_body_bytes = options_.max_body_bytes;
  http.limits.request_timeout = options_.request_timeout;
  http.limits.stream_heartbeat = options_.sessions.ping_interval;
  http.max_connections = options_.max_connections;
  HttpHandlers handlers{
      .rpcs = rpcs_,
      .streams = streams_,
      .services = RestServices(),
      .metrics =
          [this] {
            const HttpServer* const http = serving_http_;
            return MetricsText({.version = kVersion,
                                .rooms = rooms_,
                                .hubs = hubs_,
                                .workers = workers_.counts(),
                                .log = store_.get(),
                                .grpc = grpc_metrics_,
                                .http = http == nullptr ? HttpCounts() : http->Counts()});
          },
      .ready = [this] { return serving_http_ != nullptr && !draining_; },
      .pages = pages,
      .upgrade =
          [this](IoShard& shard, boost::asio::ip::tcp::socket socket, const WebSocketAnswer& answer,
                 std::string leftover) {
            const Encoding plain =
                answer.subprotocol == "atrium.v1.proto" ? Encoding::kWebSocketProto : Encoding::kWebSocketJson;
            const Encoding encoding = answer.extensions.empty() ? plain : Deflated(plain);
            doors_[shard.index()]->Accept(std::move(socket), encoding, std::move(leftover));
          },
      .may_deflate = options_.sessions.compress_above > 0,
  };
  std::vector<IoShard*> shards;
  for (const auto& shard : shards_) shards.push_back(shard.get());
  ASSIGN_OR_RETURN(http_, HttpServer::Create(std::move(http), std::move(handlers), std::move(shards), log_));
  ASSIGN_OR_RETURN(grpc_,
                   GrpcDoor::Create(options_.grpc_address, room_api_, session_api_, hubs_, shards_, grpc_metrics_));
  serving_http_ = http_.get();
  return absl::OkStatus();
}

uint16_t Server::grpc_port() const { return grpc_->port(); }

void Server::Drain() {
  draining_ = true;
  grpc_->StopServing();
  http_->StopAccepting();
  const absl::Time deadline = absl::Now() + options_.drain_timeout;
  size_t left = SayGoodbye(0);
  log_.Info("draining", {{"connections", left}});
  const size_t batch = left < kGoodbyeAtOnce ? kGoodbyeAtOnce : kGoodbyeBatch / shards_.size() + 1;
  while ((left = SayGoodbye(batch)) > 0 && absl::Now() < deadline) absl::SleepFor(kGoodbyeInterval);
  grpc_->Shutdown(kCallGrace);
  log_.Info("drained", {{"connections left", left}});
}

size_t Server::SayGoodbye(size_t most) {
  std::latch answers(static_cast<std::ptrdiff_t>(hubs_.size()));
  std::atomic<size_t> left{0};
  for (const auto& hub : hubs_) {
    hub->shard().Post([&, hub = hub.get()] {
      left += hub->SayGoodbye(most);
      answers.count_down();
    });
  }
  answers.wait();
  return left;
}

void Server::Settle() {
  std::latch answers(static_cast<std::ptrdiff_t>(shards_.size()));
  for (const auto& shard : shards_) shard->Post([&] { answers.count_down(); });
  answers.wait();
}

std::vector<Shard*> Server::AllShards() const {
  std::vector<Shard*> shards;
  for (const auto& shard : shards_) shards.push_back(shard.get());
  return shards;
}

}  // namespace atrium
