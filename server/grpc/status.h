#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "server/wire/rpc_status.h"

namespace atrium {

// `status` for gRPC, with its google.rpc.Status as details.
inline ::grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return ::grpc::Status::OK;
  return ::grpc::Status(static_cast<::grpc::StatusCode>(status.code()), std::string(status.message()),
                        ToRpcStatus(status).SerializeAsString());
}

}  // namespace atrium
