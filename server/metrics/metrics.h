#pragma once

#include <memory>
#include <string>
#include <vector>

#include "server/access/authenticator.h"
#include "server/access/file_watch.h"
#include "server/common/headroom.h"
#include "server/common/refusals.h"
#include "server/engine/room_log.h"
#include "server/http/http_server.h"
#include "server/live/manager/room_manager.h"
#include "server/live/shards/worker_pool.h"
#include "server/metrics/grpc_metrics.h"
#include "server/session/session_hub.h"

namespace atrium {

// What a scrape reads. Everybody counts for itself, on its own thread; here it is summed.
struct MetricsSources {
  std::string version;
  const RoomManager& rooms;
  const std::vector<std::unique_ptr<SessionHub>>& hubs;
  WorkerPool::Counts workers;
  // This is null without a data directory.
  const RoomLog* log;
  const GrpcMetrics& grpc;
  HttpCounts http;
  const Refusals& refusals;
  const Headroom& headroom;
  const Authenticator& authenticator;
  std::vector<FileWatch::Count> reloads;
};

// Returns all metrics in Prometheus' text format 0.0.4. Labels are room types, transports and codes, never ids. It is
// thread-safe.
std::string MetricsText(const MetricsSources& sources);

}  // namespace atrium
