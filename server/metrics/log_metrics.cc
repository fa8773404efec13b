#include "server/metrics/log_metrics.h"

#include <limits>

#include "server/metrics/metric_families.h"

namespace atrium {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily CommitSeconds(const LogStatistics& log) {
  MetricFamily family =
      FamilyBuilder("atrium_log_commit_seconds", "How long a batch took to be on disk.", MetricType::Histogram).Take();
  prometheus::ClientMetric::Histogram& histogram = family.metric.emplace_back().histogram;
  uint64_t commits = 0;
  for (size_t i = 0; i < log.commit_counts.size(); ++i) {
    commits += static_cast<uint64_t>(log.commit_counts[i]);
    const bool last = i == LogStatistics::kCommitBounds.size();
    histogram.bucket.push_back(
        {commits, last ? std::numeric_limits<double>::infinity() : LogStatistics::kCommitBounds[i]});
  }
  histogram.sample_count = commits;
  histogram.sample_sum = log.commit_seconds;
  return family;
}

}  // namespace

std::vector<MetricFamily> LogMetrics(const LogStatistics& log) {
  std::vector<MetricFamily> all;
  const auto add = [&](const char* name, const char* help, MetricType type, int64_t value) {
    all.push_back(FamilyBuilder(name, help, type).Add({}, static_cast<double>(value)).Take());
  };
  add("atrium_log_records_total", "Records of durable rooms on disk.", MetricType::Counter, log.records);
  add("atrium_log_bytes_total", "Bytes of records, snapshots and heads on disk.", MetricType::Counter, log.bytes);
  add("atrium_log_snapshots_total", "Snapshots of durable rooms taken.", MetricType::Counter, log.snapshots);
  add("atrium_log_failures_total", "Batches that could not be written.", MetricType::Counter, log.failures);
  add("atrium_log_queue", "Requests to the log that wait or run.", MetricType::Gauge, log.queued);
  add("atrium_log_queue_bytes", "Bytes of records and snapshots among them.", MetricType::Gauge, log.queued_bytes);
  all.push_back(CommitSeconds(log));
  return all;
}

}  // namespace atrium
