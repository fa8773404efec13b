#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "server/grpc/unary.h"
#include "server/metrics/grpc_metrics.h"

namespace atrium {

class HealthWatch;

// grpc.health.v1.Health: all services are as the server as a whole is. gRPC's own would bring threads that contend with
// the shards for its events. Made and told to listen on one thread.
class HealthService final : public ::grpc::health::v1::Health::AsyncService {
 public:
  // `services` by their full names.
  HealthService(const std::vector<std::string>& services, GrpcMetrics& metrics);

  // Takes calls from `queue` from now on: the gRPC server has started, and the queue has not.
  void Listen(CallQueue& queue);

  // NOT_SERVING from now on. Any thread.
  void StopServing();

 private:
  friend class HealthWatch;
  using Response = ::grpc::health::v1::HealthCheckResponse;

  void Answer(const Caller&, WithPayload<::grpc::health::v1::HealthCheckRequest> request, Done<Response> done);
  // The lock is held.
  Response::ServingStatus StatusOf(const std::string& service) const;

  GrpcMetrics::Method& check_;
  const absl::flat_hash_set<std::string> services_;
  std::vector<std::unique_ptr<UnaryMethod>> methods_;
  // Guards what follows, and all watches.
  std::mutex mutex_;
  bool serving_ = true;
  absl::flat_hash_set<HealthWatch*> watches_;
};

}  // namespace atrium
