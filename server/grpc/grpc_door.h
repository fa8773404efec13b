#pragma once

#include <grpcpp/server.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/grpc/call_queue.h"
#include "server/grpc/health_service.h"
#include "server/grpc/room_grpc_service.h"
#include "server/grpc/session_grpc_service.h"

namespace atrium {

// The gRPC port: RoomService, SessionService, grpc.health.v1 and reflection. Thread-safe.
class GrpcDoor {
 public:
  // The shards have started, and run until Shutdown is done. UNAVAILABLE naming `address` (host:port; port 0 picks a
  // free one) if it cannot listen there.
  static absl::StatusOr<std::unique_ptr<GrpcDoor>> Create(const std::string& address, RoomApi& rooms,
                                                          SessionApi& sessions,
                                                          const std::vector<std::unique_ptr<SessionHub>>& hubs,
                                                          const std::vector<std::unique_ptr<IoShard>>& shards,
                                                          GrpcMetrics& metrics);
  ~GrpcDoor() { Shutdown(absl::ZeroDuration()); }

  uint16_t port() const { return port_; }

  // Health checks say NOT_SERVING from now on.
  void StopServing();

  // Takes no new calls, waits for those under way, and cancels what is left after `grace`.
  void Shutdown(absl::Duration grace);

 private:
  GrpcDoor(RoomApi& rooms, SessionApi& sessions, const std::vector<std::unique_ptr<SessionHub>>& hubs,
           GrpcMetrics& metrics);

  // Before their services go, the queues are shut down.
  RoomGrpcService room_service_;
  SessionGrpcService session_service_;
  HealthService health_service_;
  std::vector<std::unique_ptr<CallQueue>> queues_;
  std::unique_ptr<::grpc::Server> server_;
  uint16_t port_ = 0;
};

}  // namespace atrium
