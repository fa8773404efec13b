#pragma once

#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>

#include <array>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace atrium {

// The grpc_server_* metrics, named as go-grpc-prometheus names them. It is thread-safe, except that methods are added
// before serving, on one thread.
class GrpcMetrics {
 public:
  // One method, which is valid as long as the metrics.
  class Method {
   public:
    void Started() { started_->Increment(); }
    void Received() { received_->Increment(); }
    void Sent() { sent_->Increment(); }
    void Handled(absl::StatusCode code, absl::Duration took);

   private:
    friend class GrpcMetrics;
    prometheus::Counter* started_;
    prometheus::Counter* received_;
    prometheus::Counter* sent_;
    std::array<prometheus::Counter*, 17> handled_;  // by canonical code
    prometheus::Histogram* seconds_;
  };

  GrpcMetrics();

  // Adds a method, whose `type` is `unary`, `server_stream` or `bidi_stream`. The same method again gives the same one.
  Method& Add(absl::string_view type, absl::string_view service, absl::string_view method);

  std::vector<prometheus::MetricFamily> Collect() const;

 private:
  prometheus::Family<prometheus::Counter> started_;
  prometheus::Family<prometheus::Counter> handled_;
  prometheus::Family<prometheus::Counter> received_;
  prometheus::Family<prometheus::Counter> sent_;
  prometheus::Family<prometheus::Histogram> seconds_;
  std::map<std::string, Method> methods_;
};

}  // namespace atrium
