#include "server/common/refusals.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/common/errors.h"

namespace atrium {

absl::string_view LimitName(Limit limit) {
  switch (limit) {
    case Limit::kDescriptors: return "descriptors";
    case Limit::kAddressConnections: return "connections_per_address";
    case Limit::kHttpConnections: return "http_connections";
    case Limit::kGrpcConnections: return "grpc_connections";
    case Limit::kGrpcFloods: return "grpc_floods";
    case Limit::kWebSockets: return "websockets";
    case Limit::kRooms: return "rooms";
    case Limit::kMemory: return "memory";
    case Limit::kUserSessions: return "sessions_per_user";
  }
  return "unknown";
}

absl::Status LimitError(absl::string_view limit, absl::string_view scope, int64_t value, absl::string_view message) {
  constexpr absl::Duration kRetry = absl::Seconds(5);
  return WithRetryDelay(
      WithMetadata(MakeError(absl::StatusCode::kResourceExhausted, "LIMIT", message),
                   {{"limit", std::string(limit)}, {"scope", std::string(scope)}, {"value", absl::StrCat(value)}}),
      kRetry);
}

void Refusals::Count(Limit limit, int64_t value) {
  Row& row = rows_[Index(limit)];
  const int64_t refused = row.refused.fetch_add(1, std::memory_order_relaxed) + 1;
  if (!row.pace.IsDue()) return;
  log_.Warning("a limit is reached: newcomers are refused",
               {{"limit", LimitName(limit)}, {"value", value}, {"refused in all", refused}});
}

}  // namespace atrium
