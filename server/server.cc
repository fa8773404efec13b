#include "server/server.h"

#include <google/protobuf/descriptor.h>

#include <latch>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/api/caller_by.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"
#include "server/engine/embedded_log.h"
#include "server/grpc/grpc_door.h"
#include "server/live/authoring/room_password.h"
#include "server/metrics/metrics.h"
#include "server/version.h"

namespace atrium {
namespace {

constexpr absl::Duration kGoodbyeInterval = absl::Milliseconds(100);
constexpr size_t kGoodbyeAtOnce = 1000;
constexpr size_t kGoodbyeBatch = 500;
constexpr absl::Duration kCallGrace = absl::Seconds(1);
// Most of the work is passwords: what waits should be done within a hook's deadline, and each that runs takes 64 MiB.
constexpr int kWorkers = 2;
constexpr size_t kMaxQueuedWork = 64;
constexpr int kAdminConnections = 256;
constexpr absl::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

std::vector<std::unique_ptr<IoShard>> MakeShards(int count) {
  std::vector<std::unique_ptr<IoShard>> shards;
  for (int i = 0; i < count; ++i) shards.push_back(std::make_unique<IoShard>(i));
  return shards;
}

// Finds the services in the descriptor pool, because their generated classes are gRPC's, which is not included here.
std::vector<const google::protobuf::ServiceDescriptor*> RestServices() {
  const google::protobuf::DescriptorPool& pool = *google::protobuf::DescriptorPool::generated_pool();
  return {pool.FindServiceByName(std::string(kRoomVerbs.service)),
          pool.FindServiceByName(std::string(kSessionVerbs.service))};
}

// Returns the methods that scopes may name: all that are not for everybody.
std::vector<absl::string_view> ScopeMethods() {
  std::vector<absl::string_view> methods(kVerbNames.begin(), kVerbNames.end());
  methods.push_back(kReflectionMethod);
  return methods;
}

}  // namespace

Server::Server(const Options& options, RoomRegistry registry, std::unique_ptr<RoomLog> room_log)
    : options_(options),
      log_(options.log_level),
      refusals_(log_),
      headroom_({.memory_bytes = options.memory_limit, .rooms = options.max_rooms}, refusals_),
      limiter_(options.max_connections_per_address, refusals_),
      registry_(std::move(registry)),
      shards_(MakeShards(options.shards)),
      workers_(kWorkers, kMaxQueuedWork),
      room_log_(std::move(room_log)),
      rooms_(registry_, options.rooms, AllShards(), workers_, log_, room_log_.get(), &headroom_),
      authenticator_({.dev = options.dev, .tokens = options.tokens, .anonymous = options.anonymous}, log_),
      credential_files_({.service_keys = options.service_keys,
                         .client_jwks = options.client_jwks,
                         .interval = options.reload_interval,
                         .methods = ScopeMethods()},
                        authenticator_, log_),
      authorizer_(registry_),
      local_rooms_(rooms_),
      attendance_(authorizer_, local_rooms_),
      user_sessions_(options.max_sessions_per_user, refusals_),
      session_api_(authorizer_, hubs_),
      room_api_(authorizer_, rooms_, local_rooms_, session_api_),
      probes_(shards_, storing_) {
  for (const auto& shard : shards_) {
    hubs_.push_back(std::make_unique<SessionHub>(*shard, rooms_.site(shard->index()), options.sessions, authenticator_,
                                                 room_api_, attendance_, log_, hubs_, &headroom_, &user_sessions_));
    doors_.push_back(std::make_unique<WebSocketDoor>(*hubs_.back(), *shard, doors_));
  }
  AddVerbs<kRoomVerbs>(room_api_, rpcs_);
  AddVerbs<kSessionVerbs>(session_api_, rpcs_);
  AddRoomStreams(hubs_, streams_);
}

Server::~Server() {
  probes_.SetDraining();
  ShutDownGrpc(absl::ZeroDuration());
  admin_ = nullptr;
  http_ = nullptr;
  workers_.Shutdown();
  // The first of these waits for what gRPC's last callbacks and the workers have posted, the second for what of that
  // has gone on to another shard.
  Settle();
  Settle();
  for (const auto& shard : shards_) shard->Stop();
}

absl::StatusOr<std::unique_ptr<Server>> Server::Create(const Options& options, RoomRegistry registry,
                                                       absl::Span<const Page> pages) {
  RETURN_IF_ERROR(StartPasswordHashing());
  std::unique_ptr<RoomLog> room_log;
  if (!options.data_dir.empty()) {
    ASSIGN_OR_RETURN(room_log, OpenEmbeddedLog({.directory = options.data_dir}));
  }
  auto server = absl::WrapUnique(new Server(options, std::move(registry), std::move(room_log)));
  for (const auto& shard : server->shards_) shard->Start();
  RETURN_IF_ERROR(server->credential_files_.Load());
  server->shards_.front()->Post([server = server.get()] { server->WatchMemory(); });
  RETURN_IF_ERROR(server->LoadRooms());
  for (const auto& hub : server->hubs_) {
    hub->shard().Post([hub = hub.get()] { hub->Start(); });
  }
  RETURN_IF_ERROR(server->Listen(pages));
  return server;
}

absl::Status Server::LoadRooms() {
  if (room_log_ == nullptr) {
    for (const auto& type : registry_.types()) {
      if (type->options.durable) log_.Warning("no --data-dir: these rooms live in memory only", {{"type", type->name}});
    }
    return absl::OkStatus();
  }
  room_log_->WatchHealth([this](const absl::Status& health) { OnStoreHealth(health); });
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
  CompareLimitsWithDescriptors();
  RETURN_IF_ERROR(ListenForHttp(pages));
  RETURN_IF_ERROR(ListenForGrpc());
  RETURN_IF_ERROR(ListenForAdmin());
  probes_.SetServing(grpc_->probe());
  return absl::OkStatus();
}

absl::Status Server::ListenForHttp(absl::Span<const Page> pages) {
  HttpOptions http;
  http.address = options_.http_address;
  http.limits.max_body_bytes = options_.max_body_bytes;
  http.limits.request_timeout = options_.request_timeout;
  http.limits.idle_timeout = options_.http_idle_timeout;
  http.limits.stream_heartbeat = options_.sessions.ping_interval;
  http.max_connections = options_.max_connections;
  HttpHandlers handlers{
      .rpcs = rpcs_,
      .streams = streams_,
      .services = RestServices(),
      .who_sends = [this](const Credentials& shown) { return CallerBy(authenticator_, shown, absl::Now()); },
      .pages = pages,
      .upgrade =
          [this](IoShard& shard, Socket socket, const WebSocketAnswer& answer, std::string leftover) {
            const Form form = answer.subprotocol == "atrium.v1.proto" ? Form::kProto : Form::kJson;
            const Encoding encoding = WebSocketEncoding(form, !answer.extensions.empty());
            doors_[shard.index()]->Accept(std::move(socket), encoding, answer.token, leftover);
          },
      .may_upgrade = [this] { return AdmitWebSocket(); },
      .may_deflate = options_.sessions.compress_above > 0,
      .origins = options_.origins,
  };
  handlers.probes["/healthz"] = [](HttpDone done) { done(PlainText(200, "ok")); };
  ASSIGN_OR_RETURN(http_, HttpServer::Create(http, std::move(handlers), IoShards(), log_, refusals_, &limiter_));
  return absl::OkStatus();
}

absl::Status Server::ListenForGrpc() {
  const GrpcOptions options{.address = options_.grpc_address,
                            .max_connections = options_.max_grpc_connections,
                            .max_streams = options_.max_grpc_streams};
  ASSIGN_OR_RETURN(grpc_, GrpcDoor::Create(options, {.rooms = room_api_,
                                                     .sessions = session_api_,
                                                     .hubs = hubs_,
                                                     .shards = shards_,
                                                     .authenticator = authenticator_,
                                                     .metrics = grpc_metrics_,
                                                     .limiter = limiter_,
                                                     .refusals = refusals_,
                                                     .log = log_}));
  // From now on, the door is told of the log on this shard.
  shards_.front()->Post([this] {
    serving_grpc_ = grpc_.get();
    serving_grpc_->SetHealthy(storing_);
  });
  return absl::OkStatus();
}

absl::Status Server::ListenForAdmin() {
  HttpOptions http;
  http.name = "admin";
  http.address = options_.admin_address;
  http.max_connections = kAdminConnections;
  HttpHandlers handlers{.rpcs = no_rpcs_, .streams = no_streams_, .origins = options_.admin_origins};
  handlers.probes["/metrics"] = [this](HttpDone done) {
    done({.content_type = kMetricsContentType, .body = Metrics()});
  };
  handlers.probes["/livez"] = [this](HttpDone done) { probes_.Live(std::move(done)); };
  handlers.probes["/readyz"] = [this](HttpDone done) { probes_.Ready(std::move(done)); };
  handlers.probes["/startupz"] = [this](HttpDone done) { probes_.Started(std::move(done)); };
  // Whoever operates it comes in although all descriptors but those in reserve are in use.
  ASSIGN_OR_RETURN(admin_, HttpServer::Create(http, std::move(handlers), IoShards(), log_, refusals_));
  return absl::OkStatus();
}

void Server::CompareLimitsWithDescriptors() {
  // gRPC's connections have two each (GrpcConnections).
  const int64_t allowed =
      int64_t{options_.max_websockets} + options_.max_connections + 2 * int64_t{options_.max_grpc_connections};
  if (allowed <= limiter_.most_descriptors()) return;
  log_.Warning("there are fewer file descriptors than the limits of connections allow: raise RLIMIT_NOFILE",
               {{"allowed", allowed}, {"descriptors", limiter_.most_descriptors()}});
}

absl::Status Server::AdmitWebSocket() {
  const int limit = options_.max_websockets;
  int64_t open = 0;
  for (const auto& hub : hubs_) open += hub->counters().websockets();
  if (limit == 0 || open < limit) return absl::OkStatus();
  refusals_.Count(Limit::kWebSockets, limit);
  return LimitError(LimitName(Limit::kWebSockets), "server", limit,
                    absl::StrCat("there are ", limit, " WebSockets, which is the limit of this server"));
}

std::string Server::Metrics() const {
  return MetricsText({.version = kVersion,
                      .rooms = rooms_,
                      .hubs = hubs_,
                      .workers = workers_.counts(),
                      .log = room_log_.get(),
                      .grpc = grpc_metrics_,
                      .http = http_->Counts(),
                      .refusals = refusals_,
                      .headroom = headroom_,
                      .authenticator = authenticator_,
                      .reloads = credential_files_.Counts()});
}

void Server::WatchMemory() {
  headroom_.Look();
  if (headroom_.memory_is_high() && serving_grpc_ != nullptr) serving_grpc_->CutFloods();
  shards_.front()->After(Headroom::kInterval, [this] { WatchMemory(); });
}

void Server::OnStoreHealth(const absl::Status& health) {
  if (health.ok()) {
    log_.Info("durable rooms can be stored again");
  } else {
    log_.Error("durable rooms cannot be stored: not ready", {{"error", health.message()}});
  }
  storing_ = health.ok();
  shards_.front()->Post([this] {
    if (serving_grpc_ != nullptr) serving_grpc_->SetHealthy(storing_);
  });
}

uint16_t Server::grpc_port() const { return grpc_->port(); }
std::string Server::grpc_address() const { return grpc_->address(); }

void Server::Drain() {
  probes_.SetDraining();
  grpc_->StopServing();
  http_->StopAccepting();
  const SteadyTime deadline = SteadyTime::Now() + options_.drain_timeout;
  size_t left = SayGoodbye(0);
  log_.Info("draining", {{"connections", left}});
  const size_t batch = left < kGoodbyeAtOnce ? kGoodbyeAtOnce : kGoodbyeBatch / shards_.size() + 1;
  while ((left = SayGoodbye(batch)) > 0 && SteadyTime::Now() < deadline) absl::SleepFor(kGoodbyeInterval);
  ShutDownGrpc(kCallGrace);
  log_.Info("drained", {{"connections left", left}});
}

void Server::ShutDownGrpc(absl::Duration grace) {
  if (grpc_ == nullptr) return;
  std::latch unused(1);
  shards_.front()->Post([&] {
    serving_grpc_ = nullptr;
    unused.count_down();
  });
  unused.wait();
  grpc_->Shutdown(grace);
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

std::vector<IoShard*> Server::IoShards() const {
  std::vector<IoShard*> shards;
  for (const auto& shard : shards_) shards.push_back(shard.get());
  return shards;
}

}  // namespace atrium
