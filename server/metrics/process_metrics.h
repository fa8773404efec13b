#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace atrium {

// Returns the process_* metrics, named as Prometheus' own clients name them, from /proc. It is thread-safe.
std::vector<prometheus::MetricFamily> ProcessMetrics();

}  // namespace atrium
