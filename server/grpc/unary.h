#pragma once

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_unary_call.h>
#include <grpcpp/support/byte_buffer.h>

#include <atomic>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "server/api/rpc_table.h"
#include "server/api/verb_table.h"
#include "server/grpc/call_queue.h"
#include "server/grpc/caller_of.h"
#include "server/grpc/raw_service.h"
#include "server/grpc/status.h"
#include "server/metrics/grpc_metrics.h"
#include "server/wire/message_json.h"

namespace atrium {

// A unary method, as one queue serves it.
class UnaryMethod {
 public:
  virtual ~UnaryMethod() = default;
};

// Whom a method is for.
enum class OpenTo {
  kKnown,    // who has shown a credential
  kAnybody,  // as the probes of Kubernetes, which have none
};

// Finds out who asks, parses the request, moves its payload beside it, runs it and answers. `Service` is a RawService.
// All of that happens on the queue's shard, but for the answer, which is given where `done` is called. It lives until
// the queue is shut down.
template <typename Service, typename Request, typename Response>
class UnaryMethodOf final : public UnaryMethod {
 public:
  using Run = absl::AnyInvocable<void(const Caller&, WithPayload<Request>&&, Done<Response>) const>;

  // Takes calls of the method `name` from now on. The gRPC server has started, and `queue` has not.
  UnaryMethodOf(Service& service, absl::string_view name, OpenTo open_to, Run run, GrpcMetrics::Method& metrics,
                CallQueue& queue)
      : service_(service),
        index_(service.IndexOf(name)),
        open_to_(open_to),
        run_(std::move(run)),
        metrics_(metrics),
        queue_(queue) {
    new Call(*this);
  }

 private:
  // Waits for a client, serves it, and waits for another one. It owns itself.
  class Call {
   public:
    explicit Call(UnaryMethodOf& method) : method_(method), lease_(method.queue_.lease()) { Wait(); }

   private:
    void Wait() {
      ++method_.waiting_;
      context_.emplace();
      writer_.emplace(&*context_);
      method_.service_.RequestUnary(method_.index_, &*context_, &bytes_, &*writer_, method_.queue_.queue(),
                                    called_.tag());
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
      start_ = SteadyTime::Now();
      const absl::StatusOr<Caller> caller = method_.CallerOf(*context_);
      if (!caller.ok()) return Answer(caller.status());
      WithPayload<Request> request;
      if (absl::Status parsed = ParseByteBuffer(bytes_, *request.message); !parsed.ok()) {
        return Answer(std::move(parsed));
      }
      absl::StatusOr<Payload> payload = TakePayload(*request.message);
      if (!payload.ok()) return Answer(payload.status());
      request.payload = *std::move(payload);
      method_.run_(*caller, std::move(request),
                   [this](absl::StatusOr<WithPayload<Response>> answer) { Answer(std::move(answer)); });
    }

    void Answer(absl::StatusOr<WithPayload<Response>> answer) {
      if (!answer.ok()) return Refuse(answer.status());
      if (!answer->payload.empty()) PutPayload(answer->payload, *answer->message);
      const ::grpc::ByteBuffer bytes = ToByteBuffer(*answer->message);
      const size_t size = bytes.Length();
      const absl::Status fits = method_.queue_.large_answers().Enter(size);
      if (!fits.ok()) return Refuse(fits);
      answer_bytes_.store(size, std::memory_order_relaxed);
      method_.metrics_.Handled(absl::StatusCode::kOk, SteadyTime::Now() - start_);
      method_.metrics_.Sent();
      writer_->Finish(bytes, ::grpc::Status::OK, answered_.tag());
    }

    void Refuse(const absl::Status& status) {
      method_.metrics_.Handled(status.code(), SteadyTime::Now() - start_);
      writer_->FinishWithError(ToGrpcStatus(status), answered_.tag());
    }

    void Answered(bool /*ok*/) {
      method_.queue_.large_answers().Leave(answer_bytes_.exchange(0, std::memory_order_relaxed));
      if (method_.waiting_ < kMostWaiting) return Wait();
      delete this;
    }

    UnaryMethodOf& method_;
    const CallQueue::Lease lease_;
    // These belong to the call that is waited for or served.
    ::grpc::ByteBuffer bytes_;
    std::optional<::grpc::ServerContext> context_;
    std::optional<::grpc::ServerAsyncResponseWriter<::grpc::ByteBuffer>> writer_;
    SteadyTime start_;
    // It is set where the answer is given. gRPC orders that before Answered, which ThreadSanitizer does not see.
    std::atomic<size_t> answer_bytes_ = 0;
    CompletionOf<Call, &Call::Called> called_{*this};
    CompletionOf<Call, &Call::Answered> answered_{*this};
  };

  // A call that has been served waits for another one unless so many wait already.
  static constexpr int kMostWaiting = 32;

  absl::StatusOr<Caller> CallerOf(const ::grpc::ServerContext& context) const {
    return open_to_ == OpenTo::kAnybody ? Caller::Service() : atrium::CallerOf(context, queue_.authenticator());
  }

  Service& service_;
  const int index_;
  const OpenTo open_to_;
  const Run run_;
  GrpcMetrics::Method& metrics_;
  CallQueue& queue_;
  int waiting_ = 0;
};

template <typename Request, typename Response, typename Service>
std::unique_ptr<UnaryMethod> ServeUnary(Service& service, absl::string_view name, OpenTo open_to,
                                        typename UnaryMethodOf<Service, Request, Response>::Run run,
                                        GrpcMetrics::Method& metrics, CallQueue& queue) {
  return std::make_unique<UnaryMethodOf<Service, Request, Response>>(service, name, open_to, std::move(run), metrics,
                                                                     queue);
}

// Serves all methods of a service that are answered once, by the verbs of `api`.
template <const auto& table, typename Service, typename Api>
void ServeVerbs(Service& service, Api& api, GrpcMetrics& metrics, CallQueue& queue,
                std::vector<std::unique_ptr<UnaryMethod>>& methods) {
  ForEachUnaryVerb<table>([&]<typename Request, typename Response>(const VerbRow<Api, Request, Response>& row) {
    const auto run = [&api, &row](const Caller& caller, WithPayload<Request>&& request, Done<Response> done) {
      RunVerb(api, row, caller, std::move(request), std::move(done));
    };
    GrpcMetrics::Method& counted = metrics.Add("unary", table.service, row.name);
    methods.push_back(ServeUnary<Request, Response>(service, row.name, OpenTo::kKnown, run, counted, queue));
  });
}

}  // namespace atrium
