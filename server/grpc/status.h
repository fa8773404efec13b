#pragma once

#include <google/protobuf/descriptor.h>
#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/wire/rpc_status.h"

namespace atrium {

// Returns the error of bytes that are no message of `type`, have a string that is not UTF-8, or nest deeper than
// kMaxMessageDepth.
inline absl::Status NotSerialised(const google::protobuf::Descriptor& type) {
  return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_PROTOBUF",
                   absl::StrCat("not a serialised ", type.full_name()));
}

// Returns `status` for gRPC, with its google.rpc.Status as details.
inline ::grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return ::grpc::Status::OK;
  const google::rpc::Status rpc_status = ToRpcStatus(status);
  return ::grpc::Status(static_cast<::grpc::StatusCode>(rpc_status.code()), rpc_status.message(),
                        rpc_status.SerializeAsString());
}

}  // namespace atrium
