#include "server/grpc/health_service.h"

#include <grpcpp/support/async_stream.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/grpc/async_stream.h"

namespace atrium {

using ::grpc::health::v1::HealthCheckRequest;
using ::grpc::health::v1::HealthCheckResponse;

// One Watch stream.
class HealthWatch final : public AsyncStream<::grpc::ServerAsyncWriter<HealthCheckResponse>> {
 public:
  HealthWatch(HealthService& service, CallQueue& queue) : AsyncStream(queue), service_(service), queue_(queue) {
    service.RequestWatch(&context(), &request_, &calls(), queue.queue(), queue.queue(), called());
  }

  // Says what has changed. The service's lock is held.
  void Tell() {
    const HealthCheckResponse::ServingStatus status = service_.StatusOf(request_.service());
    if (writing_ || ended_ || status == told_) return;
    HealthCheckResponse response;
    response.set_status(status);
    told_ = status;
    writing_ = true;
    StartWrite(response);
  }

 private:
  void OnCall() override {
    new HealthWatch(service_, queue_);  // OnDone deletes it.
    const std::lock_guard lock(service_.mutex_);
    service_.watches_.insert(this);
    Tell();
  }
  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(service_.mutex_);
    writing_ = false;
    if (ok) Tell();
  }
  void OnCancel() override {
    const std::lock_guard lock(service_.mutex_);
    ended_ = true;
    Finish(::grpc::Status::CANCELLED);
  }
  void OnDone() override {
    {
      const std::lock_guard lock(service_.mutex_);
      service_.watches_.erase(this);
    }
    delete this;
  }

  HealthService& service_;
  CallQueue& queue_;
  HealthCheckRequest request_;
  HealthCheckResponse::ServingStatus told_ = HealthCheckResponse::UNKNOWN;
  bool writing_ = false;
  bool ended_ = false;
};

HealthService::HealthService(const std::vector<std::string>& services, GrpcMetrics& metrics)
    : check_(metrics.Add("unary", ::grpc::health::v1::Health::service_full_name(), "Check")),
      services_(services.begin(), services.end()) {}

void HealthService::Listen(CallQueue& queue) {
  methods_.push_back(ServeUnary(*this, &::grpc::health::v1::Health::AsyncService::RequestCheck, *this,
                                &HealthService::Answer, check_, queue));
  new HealthWatch(*this, queue);  // OnDone deletes it.
}

void HealthService::StopServing() {
  const std::lock_guard lock(mutex_);
  serving_ = false;
  for (HealthWatch* const watch : watches_) watch->Tell();
}

void HealthService::Answer(const Caller&, WithPayload<HealthCheckRequest> request, Done<HealthCheckResponse> done) {
  const std::lock_guard lock(mutex_);
  const HealthCheckResponse::ServingStatus status = StatusOf(request.message->service());
  if (status == HealthCheckResponse::SERVICE_UNKNOWN) {
    return done(absl::NotFoundError(absl::StrCat("no service ", request.message->service())));
  }
  HealthCheckResponse response;
  response.set_status(status);
  done(WithPayload<HealthCheckResponse>{std::move(response)});
}

HealthCheckResponse::ServingStatus HealthService::StatusOf(const std::string& service) const {
  if (!service.empty() && !services_.contains(service)) return HealthCheckResponse::SERVICE_UNKNOWN;
  return serving_ ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

}  // namespace atrium
