#include "server/common/refusals.h"

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
  }
  return "unknown";
}

void Refusals::Count(Limit limit, int64_t value) {
  Row& row = rows_[Index(limit)];
  const int64_t refused = row.refused.fetch_add(1, std::memory_order_relaxed) + 1;
  if (!row.pace.IsDue()) return;
  log_.Warning("a limit is reached: newcomers are refused",
               {{"limit", LimitName(limit)}, {"value", value}, {"refused in all", refused}});
}

}  // namespace atrium
