#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "atrium/v1/rooms.grpc.pb.h"
#include "server/api/room_api.h"
#include "server/grpc/unary.h"
#include "server/metrics/grpc_metrics.h"
#include "server/session/session_hub.h"

namespace atrium {

// RoomService at the gRPC door. What Watch sends stays serialised. It is made and told to listen on one thread.
class RoomGrpcService final : public RawService<v1::RoomService::WithRawMethod_Watch<v1::RoomService::AsyncService>> {
 public:
  RoomGrpcService(RoomApi& api, const std::vector<std::unique_ptr<SessionHub>>& hubs, GrpcMetrics& metrics);

  // Takes calls from `queue` from now on. The gRPC server has started, and the queue has not.
  void Listen(CallQueue& queue);

  // Returns the hub of the next Watch stream, which go round them. Any thread may call this.
  SessionHub& NextHub() { return *hubs_[next_hub_.fetch_add(1, std::memory_order_relaxed) % hubs_.size()]; }
  GrpcMetrics::Method& watch_metrics() { return watch_; }

 private:
  RoomApi& api_;
  const std::vector<std::unique_ptr<SessionHub>>& hubs_;
  GrpcMetrics& metrics_;
  GrpcMetrics::Method& watch_;
  std::atomic<size_t> next_hub_{0};
  std::vector<std::unique_ptr<UnaryMethod>> methods_;
};

}  // namespace atrium
