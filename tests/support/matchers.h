#pragma once

#include <gmock/gmock.h>
#include <google/rpc/status.pb.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace atrium {

inline absl::Status StatusOf(const absl::Status& status) { return status; }
template <typename T>
absl::Status StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}
inline absl::Status StatusOf(const google::rpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.code()), status.message());
}
// A grpc::Status, whose header costs seconds to compile.
template <typename T>
requires requires(const T& status) { status.error_code(); }
absl::Status StatusOf(const T& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

MATCHER(IsOk, "is OK") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

MATCHER_P(StatusIs, code, "has the code " + absl::StatusCodeToString(code)) {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).code() == code;
}

MATCHER_P2(StatusIs, code, message, "has the code " + absl::StatusCodeToString(code) + " and a message") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).code() == code &&
         ::testing::Value(std::string(StatusOf(arg).message()), ::testing::Matcher<std::string>(message));
}

}  // namespace atrium
