#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/async_unary_call.h>

#include <memory>
#include <utility>

#include "absl/time/clock.h"
#include "absl/types/optional.h"
#include "server/api/rpc_table.h"
#include "server/grpc/call_queue.h"
#include "server/grpc/status.h"
#include "server/metrics/grpc_metrics.h"
#include "server/wire/message_json.h"

namespace atrium {

// A unary method, as one queue serves it.
class UnaryMethod {
 public:
  virtual ~UnaryMethod() = default;
};

// Serves it by a verb of an API class: moves the payload beside the request, calls, answers. The caller is a service.
// All on the queue's shard, but for the answer, which is given where the verb calls back. Lives until the queue is shut
// down.
template <typename Service, typename Api, typename Request, typename Response>
class UnaryMethodOf final : public UnaryMethod {
 public:
  // The generated RequestXyz of `Service`.
  using Take = void (Service::*)(::grpc::ServerContext*, Request*, ::grpc::ServerAsyncResponseWriter<Response>*,
                                 ::grpc::CompletionQueue*, ::grpc::ServerCompletionQueue*, void*);
  using Verb = void (Api::*)(const Caller&, WithPayload<Request>, Done<Response>);

  // Takes calls from now on: the gRPC server has started, and `queue` has not.
  UnaryMethodOf(Service& service, Take take, Api& api, Verb verb, GrpcMetrics::Method& metrics, CallQueue& queue)
      : service_(service), take_(take), api_(api), verb_(verb), metrics_(metrics), queue_(queue) {
    new Call(*this);
  }

 private:
  // Waits for a client, serves it, and waits for another one. Owns itself.
  class Call {
   public:
    explicit Call(UnaryMethodOf& method) : method_(method), lease_(method.queue_.lease()) { Wait(); }

   private:
    void Wait() {
      ++method_.waiting_;
      request_ = std::make_unique<Request>();
      context_.emplace();
      writer_.emplace(&*context_);
      ::grpc::ServerCompletionQueue* const queue = method_.queue_.queue();
      (method_.service_.*method_.take_)(&*context_, request_.get(), &*writer_, queue, queue, called_.tag());
    }

    void Called(bool ok) {
      --method_.waiting_;
      if (!ok) {  // The server shuts down.
        delete this;
        return;
      }
      if (method_.waiting_ == 0) new Call(method_);
      method_.metrics_.Started();
      method_.metrics_.Received();
      start_ = absl::Now();
      WithPayload<Request> request{Boxed<Request>(std::move(request_))};
      absl::StatusOr<Payload> payload = TakePayload(*request.message);
      if (!payload.ok()) return Answer(payload.status());
      request.payload = *std::move(payload);
      (method_.api_.*method_.verb_)(
          Caller::Service(), std::move(request),
          [this](absl::StatusOr<WithPayload<Response>> answer) { Answer(std::move(answer)); });
    }

    void Answer(absl::StatusOr<WithPayload<Response>> answer) {
      method_.metrics_.Handled(answer.status().code(), absl::Now() - start_);
      if (!answer.ok()) return writer_->FinishWithError(ToGrpcStatus(answer.status()), answered_.tag());
      if (!answer->payload.empty()) PutPayload(answer->payload, *answer->message);
      method_.metrics_.Sent();
      writer_->Finish(*answer->message, ::grpc::Status::OK, answered_.tag());
    }

    void Answered(bool /*ok*/) {
      if (method_.waiting_ < kMostWaiting) return Wait();
      delete this;
    }

    UnaryMethodOf& method_;
    const CallQueue::Lease lease_;
    // Of the call that is waited for or served.
    std::unique_ptr<Request> request_;
    absl::optional<::grpc::ServerContext> context_;
    absl::optional<::grpc::ServerAsyncResponseWriter<Response>> writer_;
    absl::Time start_;
    CompletionOf<Call, &Call::Called> called_{*this};
    CompletionOf<Call, &Call::Answered> answered_{*this};
  };

  // Of calls that have been served, so many wait for others.
  static constexpr int kMostWaiting = 32;

  Service& service_;
  const Take take_;
  Api& api_;
  const Verb verb_;
  GrpcMetrics::Method& metrics_;
  CallQueue& queue_;
  int waiting_ = 0;
};

template <typename Service, typename Base, typename Api, typename Request, typename Response>
std::unique_ptr<UnaryMethod> ServeUnary(
    Service& service,
    void (Base::*take)(::grpc::ServerContext*, Request*, ::grpc::ServerAsyncResponseWriter<Response>*,
                       ::grpc::CompletionQueue*, ::grpc::ServerCompletionQueue*, void*),
    Api& api, void (Api::*verb)(const Caller&, WithPayload<Request>, Done<Response>), GrpcMetrics::Method& metrics,
    CallQueue& queue) {
  return std::make_unique<UnaryMethodOf<Base, Api, Request, Response>>(service, take, api, verb, metrics, queue);
}

}  // namespace atrium
