#pragma once

#include <grpcpp/server.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/common/log.h"
#include "server/common/refusals.h"
#include "server/grpc/call_queue.h"
#include "server/grpc/grpc_connections.h"
#include "server/grpc/grpc_log.h"
#include "server/grpc/health_service.h"
#include "server/grpc/reflection_service.h"
#include "server/grpc/room_grpc_service.h"
#include "server/grpc/session_grpc_service.h"
#include "server/net/connection_limiter.h"
#include "server/net/listener.h"

namespace atrium {

struct GrpcOptions {
  // This is host:port; port 0 picks a free one.
  std::string address = "127.0.0.1:50051";
  // Further connections are closed at once; 0 means no limit.
  int max_connections = 1000;
  // One connection has so many calls under way at a time, streams among them; further ones wait at the client.
  int max_streams = 256;
};

// What a GrpcDoor serves, and what it needs for that. All of it must outlive the door.
struct GrpcParts {
  RoomApi& rooms;
  SessionApi& sessions;
  const std::vector<std::unique_ptr<SessionHub>>& hubs;
  const std::vector<std::unique_ptr<IoShard>>& shards;
  const Authenticator& authenticator;
  GrpcMetrics& metrics;
  ConnectionLimiter& limiter;
  Refusals& refusals;
  Log& log;
};

// The gRPC port: RoomService, SessionService, grpc.health.v1 and reflection. Any thread may ask it for its port and
// address and set its health. It is created, shut down and destroyed off the shards.
class GrpcDoor {
 public:
  // Listens and serves. The shards have started, and run until Shutdown is done. INVALID_ARGUMENT or UNAVAILABLE,
  // naming the address, if it cannot listen there.
  static absl::StatusOr<std::unique_ptr<GrpcDoor>> Create(const GrpcOptions& options, const GrpcParts& parts);
  ~GrpcDoor() { Shutdown(absl::ZeroDuration()); }

  // These three are for the time before Shutdown.
  uint16_t port() const { return listener_->port(); }
  // Returns where it listens, as host:port, with the brackets of IPv6.
  std::string address() const { return listener_->address(); }
  AcceptProbe probe() const { return listener_->probe(); }

  // Has health checks say NOT_SERVING from now on.
  void StopServing();
  // Has them say so too while the server is not healthy.
  void SetHealthy(bool healthy) { health_service_.SetHealthy(healthy); }

  // Is called on the first shard, as GrpcConnections::CutFloods.
  void CutFloods() { connections_->CutFloods(); }

  // Takes no new calls, waits for those under way, and cancels what is left after `grace`.
  void Shutdown(absl::Duration grace);

 private:
  explicit GrpcDoor(const GrpcParts& parts);

  // Makes gRPC's server, which has no port of its own. INTERNAL if gRPC cannot be started.
  absl::Status StartServer(const GrpcOptions& options, const GrpcParts& parts);

  const GrpcLog log_;
  // The services outlive their queues, which Shutdown has shut down.
  RoomGrpcService room_service_;
  SessionGrpcService session_service_;
  HealthService health_service_;
  ReflectionV1 reflection_v1_;
  ReflectionV1Alpha reflection_v1alpha_;
  LargeAnswers large_answers_;
  std::vector<std::unique_ptr<CallQueue>> queues_;
  std::unique_ptr<::grpc::Server> server_;
  std::unique_ptr<GrpcConnections> connections_;
  // This is null if it could not listen, and after Shutdown.
  std::unique_ptr<TcpListener> listener_;
};

}  // namespace atrium
