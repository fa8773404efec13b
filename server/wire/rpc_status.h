#pragma once

#include <google/rpc/status.pb.h>

#include "absl/status/status.h"

namespace atrium {

// Returns `status` as google.rpc.Status: code, message, an ErrorInfo (domain `atrium`, the reason), and a BadRequest
// where a field is at fault.
google::rpc::Status ToRpcStatus(const absl::Status& status);

// Returns the HTTP status for a canonical code, as google/rpc/code.proto maps them.
int ToHttpStatus(absl::StatusCode code);

}  // namespace atrium
