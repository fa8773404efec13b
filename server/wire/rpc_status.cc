#include "server/wire/rpc_status.h"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/error_info.pb.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/common/errors.h"
#include "server/wire/frames.h"

namespace atrium {

google::rpc::Status ToRpcStatus(const absl::Status& status) {
  google::rpc::Status out;
  out.set_code(static_cast<int>(status.code()));
  if (status.ok()) return out;
  // The status may come from a room's own code or from a library, whose messages MakeError has not bounded.
  out.set_message(Excerpt(status.message(), kMaxMessageBytes));

  google::rpc::ErrorInfo info;
  info.set_reason(ErrorReason(status));
  info.set_domain("atrium");
  for (auto& [name, value] : MetadataOf(status)) (*info.mutable_metadata())[name] = std::move(value);
  out.add_details()->PackFrom(info);

  if (const std::string field = ErrorField(status); !field.empty()) {
    google::rpc::BadRequest bad_request;
    google::rpc::BadRequest::FieldViolation& violation = *bad_request.add_field_violations();
    violation.set_field(field);
    // The message names the field and then its rule (common/errors.h).
    violation.set_description(std::string(absl::StripPrefix(out.message(), absl::StrCat(field, ": "))));
    out.add_details()->PackFrom(bad_request);
  }
  if (const absl::Duration delay = RetryDelayOf(status); delay > absl::ZeroDuration()) {
    google::rpc::RetryInfo retry;
    *retry.mutable_retry_delay() = ToDuration(delay);
    out.add_details()->PackFrom(retry);
  }
  return out;
}

int ToHttpStatus(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk: return 200;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange: return 400;
    case absl::StatusCode::kUnauthenticated: return 401;
    case absl::StatusCode::kPermissionDenied: return 403;
    case absl::StatusCode::kNotFound: return 404;
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kAlreadyExists: return 409;
    case absl::StatusCode::kResourceExhausted: return 429;
    case absl::StatusCode::kCancelled: return 499;
    case absl::StatusCode::kUnimplemented: return 501;
    case absl::StatusCode::kUnavailable: return 503;
    case absl::StatusCode::kDeadlineExceeded: return 504;
    default: return 500;
  }
}

}  // namespace atrium
