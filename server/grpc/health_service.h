#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "server/common/mutex.h"
#include "server/grpc/unary.h"
#include "server/metrics/grpc_metrics.h"

namespace atrium {

class HealthWatch;

// grpc.health.v1.Health, where all services have the status of the server as a whole. gRPC's own health service would
// bring threads that contend with the shards for its events. It is made and told to listen on one thread.
class HealthService final
    : public RawService<::grpc::health::v1::Health::WithRawMethod_Watch<::grpc::health::v1::Health::AsyncService>> {
 public:
  // `services` are their full names.
  HealthService(const std::vector<std::string>& services, GrpcMetrics& metrics);

  // Takes calls from `queue` from now on. The gRPC server has started, and the queue has not.
  void Listen(CallQueue& queue);

  // Says NOT_SERVING from now on. Any thread may call this.
  void StopServing();
  // Says NOT_SERVING while the server is not healthy. Any thread may call this.
  void SetHealthy(bool healthy);

 private:
  friend class HealthWatch;
  using Response = ::grpc::health::v1::HealthCheckResponse;

  void Answer(WithPayload<::grpc::health::v1::HealthCheckRequest> request, Done<Response> done);
  // The analysis cannot know that the lock of each watch's service is this one.
  void TellWatches() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) ABSL_NO_THREAD_SAFETY_ANALYSIS;
  Response::ServingStatus StatusOf(const std::string& service) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  GrpcMetrics::Method& check_;
  const absl::flat_hash_set<std::string> services_;
  std::vector<std::unique_ptr<UnaryMethod>> methods_;
  // This also guards what each watch has told.
  Mutex mutex_;
  bool serving_ ABSL_GUARDED_BY(mutex_) = true;
  bool healthy_ ABSL_GUARDED_BY(mutex_) = true;
  absl::flat_hash_set<HealthWatch*> watches_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atrium
