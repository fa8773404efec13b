#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "server/engine/room_log.h"

namespace atrium {

// Returns what the durable log has done.
std::vector<prometheus::MetricFamily> LogMetrics(const LogStatistics& log);

}  // namespace atrium
