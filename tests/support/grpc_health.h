#pragma once

#include <grpc/health/v1/health.grpc.pb.h>

#include <cstdint>

#include "absl/time/clock.h"
#include "tests/support/grpc_stubs.h"

namespace atrium {

// Whether the gRPC port answers a health check within two seconds.
inline bool GrpcServes(uint16_t port) {
  const auto health = grpc::health::v1::Health::NewStub(GrpcChannel(port));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(2)));
  grpc::health::v1::HealthCheckResponse response;
  return health->Check(&context, {}, &response).ok();
}

}  // namespace atrium
