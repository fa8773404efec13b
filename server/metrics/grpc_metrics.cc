#include "server/metrics/grpc_metrics.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace atrium {
namespace {

// The codes are written as go-grpc-prometheus writes them.
constexpr std::array<const char*, 17> kCodes = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};

const prometheus::Histogram::BucketBoundaries kSeconds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                          0.025,  0.05,    0.1,    0.25,  0.5,    1,     5};

}  // namespace

void GrpcMetrics::Method::Handled(absl::StatusCode code, absl::Duration took) {
  handled_[static_cast<size_t>(code) % kCodes.size()]->Increment();
  seconds_->Observe(absl::ToDoubleSeconds(took));
}

GrpcMetrics::GrpcMetrics()
    : started_("grpc_server_started_total", "RPCs started on the server.", {}),
      handled_("grpc_server_handled_total", "RPCs completed on the server, whatever the outcome.", {}),
      received_("grpc_server_msg_received_total", "Messages received on the server.", {}),
      sent_("grpc_server_msg_sent_total", "Messages sent by the server.", {}),
      seconds_("grpc_server_handling_seconds", "How long RPCs took on the server.", {}) {}

GrpcMetrics::Method& GrpcMetrics::Add(absl::string_view type, absl::string_view service, absl::string_view method) {
  const auto [it, inserted] = methods_.try_emplace(absl::StrCat(service, "/", method));
  Method& added = it->second;
  if (!inserted) return added;
  const prometheus::Labels labels = {
      {"grpc_type", std::string(type)}, {"grpc_service", std::string(service)}, {"grpc_method", std::string(method)}};
  added.started_ = &started_.Add(labels);
  added.received_ = &received_.Add(labels);
  added.sent_ = &sent_.Add(labels);
  added.seconds_ = &seconds_.Add(labels, kSeconds);
  for (size_t code = 0; code < kCodes.size(); ++code) {
    prometheus::Labels with_code = labels;
    with_code.emplace("grpc_code", kCodes[code]);
    added.handled_[code] = &handled_.Add(with_code);
  }
  return added;
}

std::vector<prometheus::MetricFamily> GrpcMetrics::Collect() const {
  std::vector<prometheus::MetricFamily> all;
  const auto append = [&](const prometheus::Collectable& family) {
    std::vector<prometheus::MetricFamily> part = family.Collect();
    std::move(part.begin(), part.end(), std::back_inserter(all));
  };
  append(started_);
  append(handled_);
  append(received_);
  append(sent_);
  append(seconds_);
  return all;
}

}  // namespace atrium
