#include "server/common/refusals.h"

#include "absl/time/time.h"

namespace atrium {
namespace {

constexpr absl::Duration kLogInterval = absl::Seconds(10);

}  // namespace

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
  const int64_t now = SteadyTime::Now().nanoseconds();
  int64_t silent_until = row.silent_until.load(std::memory_order_relaxed);
  if (now < silent_until) return;
  // Of several threads one says it.
  if (!row.silent_until.compare_exchange_strong(silent_until, now + absl::ToInt64Nanoseconds(kLogInterval))) return;
  log_.Warning("a limit is reached: newcomers are refused",
               {{"limit", LimitName(limit)}, {"value", value}, {"refused in all", refused}});
}

}  // namespace atrium
