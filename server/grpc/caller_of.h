#pragma once

#include <grpcpp/server_context.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "server/access/authenticator.h"
#include "server/api/caller.h"
#include "server/api/caller_by.h"

namespace atrium {

// Returns the values of the metadata `name` of a call, with commas between.
inline std::string MetadataOf(const ::grpc::ServerContext& context, const char* name) {
  std::string combined;
  const auto [first, last] = context.client_metadata().equal_range(name);
  for (auto it = first; it != last; ++it) {
    absl::StrAppend(&combined, combined.empty() ? "" : ",", absl::string_view(it->second.data(), it->second.size()));
  }
  return combined;
}

// Returns who makes a call, by its metadata `authorization` and `x-api-key`, with the errors of the authenticator.
inline absl::StatusOr<Caller> CallerOf(const ::grpc::ServerContext& context, const Authenticator& authenticator) {
  // Nothing is read of the metadata where everybody may do everything.
  if (authenticator.asks_nobody()) return Caller::Service();
  const std::string authorization = MetadataOf(context, "authorization");
  const std::string api_key = MetadataOf(context, "x-api-key");
  return CallerBy(authenticator, {.authorization = authorization, .api_key = api_key}, absl::Now());
}

}  // namespace atrium
