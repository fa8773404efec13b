#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "atrium/v1/sessions.grpc.pb.h"
#include "server/grpc/unary.h"
#include "server/metrics/grpc_metrics.h"
#include "server/session/session_api.h"
#include "server/session/session_hub.h"

namespace atrium {

// SessionService at the gRPC door. The frames of Connect stay serialised. It is made and told to listen on one thread.
class SessionGrpcService final
    : public RawService<v1::SessionService::WithRawMethod_Connect<v1::SessionService::AsyncService>> {
 public:
  SessionGrpcService(SessionApi& api, const std::vector<std::unique_ptr<SessionHub>>& hubs, GrpcMetrics& metrics);

  // Takes calls from `queue` from now on. The gRPC server has started, and the queue has not.
  void Listen(CallQueue& queue);

  // Returns the hub of the next stream, which go round them. Any thread may call this.
  SessionHub& NextHub() { return *hubs_[next_hub_.fetch_add(1, std::memory_order_relaxed) % hubs_.size()]; }
  GrpcMetrics::Method& connect_metrics() { return connect_; }

 private:
  SessionApi& api_;
  const std::vector<std::unique_ptr<SessionHub>>& hubs_;
  GrpcMetrics& metrics_;
  GrpcMetrics::Method& connect_;
  std::atomic<size_t> next_hub_{0};
  std::vector<std::unique_ptr<UnaryMethod>> methods_;
};

}  // namespace atrium
