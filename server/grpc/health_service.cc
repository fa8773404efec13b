#include "server/grpc/health_service.h"

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/byte_buffer.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/common/errors.h"
#include "server/grpc/async_stream.h"

namespace atrium {

using ::grpc::health::v1::HealthCheckRequest;
using ::grpc::health::v1::HealthCheckResponse;

// One Watch stream.
class HealthWatch final : public AsyncStream<::grpc::ServerAsyncWriter<::grpc::ByteBuffer>> {
 public:
  HealthWatch(HealthService& service, CallQueue& queue) : AsyncStream(queue), service_(service), queue_(queue) {
    service.RequestWatch(&context(), &bytes_, &calls(), queue.queue(), queue.queue(), called());
  }

  // Says what has changed.
  void Tell() ABSL_EXCLUSIVE_LOCKS_REQUIRED(service_.mutex_) {
    const HealthCheckResponse::ServingStatus status = service_.StatusOf(request_.service());
    if (writing_ || ended_ || status == told_) return;
    HealthCheckResponse response;
    response.set_status(status);
    told_ = status;
    writing_ = true;
    StartWrite(ToByteBuffer(response));
  }

 private:
  void OnCall() override {
    new HealthWatch(service_, queue_);  // OnDone deletes it.
    const MutexLock lock(service_.mutex_);
    if (const absl::Status parsed = ParseByteBuffer(bytes_, request_); !parsed.ok()) {
      ended_ = true;
      return Finish(ToGrpcStatus(parsed));
    }
    service_.watches_.insert(this);
    Tell();
  }
  void OnWriteDone(bool ok) override {
    const MutexLock lock(service_.mutex_);
    writing_ = false;
    if (ok) Tell();
  }
  void OnCancel() override {
    const MutexLock lock(service_.mutex_);
    if (!std::exchange(ended_, true)) Finish(::grpc::Status::CANCELLED);
  }
  void OnDone() override {
    {
      const MutexLock lock(service_.mutex_);
      service_.watches_.erase(this);
    }
    delete this;
  }

  HealthService& service_;
  CallQueue& queue_;
  ::grpc::ByteBuffer bytes_;
  HealthCheckRequest request_;
  HealthCheckResponse::ServingStatus told_ ABSL_GUARDED_BY(service_.mutex_) = HealthCheckResponse::UNKNOWN;
  bool writing_ ABSL_GUARDED_BY(service_.mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(service_.mutex_) = false;
};

HealthService::HealthService(const std::vector<std::string>& services, GrpcMetrics& metrics)
    : RawService(::grpc::health::v1::Health::service_full_name()),
      check_(metrics.Add("unary", ::grpc::health::v1::Health::service_full_name(), "Check")),
      services_(services.begin(), services.end()) {}

void HealthService::Listen(CallQueue& queue) {
  methods_.push_back(ServeUnary<HealthCheckRequest, HealthCheckResponse>(
      *this, "Check", OpenTo::kAnybody,
      [this](const Caller&, WithPayload<HealthCheckRequest> request, Done<HealthCheckResponse> done) {
        Answer(std::move(request), std::move(done));
      },
      check_, queue));
  new HealthWatch(*this, queue);  // OnDone deletes it.
}

void HealthService::StopServing() {
  const MutexLock lock(mutex_);
  serving_ = false;
  TellWatches();
}

void HealthService::SetHealthy(bool healthy) {
  const MutexLock lock(mutex_);
  healthy_ = healthy;
  TellWatches();
}

void HealthService::TellWatches() {
  for (HealthWatch* const watch : watches_) watch->Tell();
}

void HealthService::Answer(WithPayload<HealthCheckRequest> request, Done<HealthCheckResponse> done) {
  const MutexLock lock(mutex_);
  const HealthCheckResponse::ServingStatus status = StatusOf(request.message->service());
  if (status == HealthCheckResponse::SERVICE_UNKNOWN) {
    return done(absl::NotFoundError(absl::StrCat("no service ", Excerpt(request.message->service()))));
  }
  HealthCheckResponse response;
  response.set_status(status);
  done(WithPayload<HealthCheckResponse>{std::move(response)});
}

HealthCheckResponse::ServingStatus HealthService::StatusOf(const std::string& service) const {
  if (!service.empty() && !services_.contains(service)) return HealthCheckResponse::SERVICE_UNKNOWN;
  return serving_ && healthy_ ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

}  // namespace atrium
