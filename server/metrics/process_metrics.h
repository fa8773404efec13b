#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace atrium {

// process_* as Prometheus' own clients name them, from /proc. Thread-safe.
std::vector<prometheus::MetricFamily> ProcessMetrics();

}  // namespace atrium
