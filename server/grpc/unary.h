#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <utility>

#include "absl/time/clock.h"
#include "server/api/rpc_table.h"
#include "server/grpc/status.h"
#include "server/metrics/grpc_metrics.h"
#include "server/wire/message_json.h"

namespace atrium {

// Serves one unary call by a verb of an API class: moves the payload beside the request, calls, answers. The caller is
// a service. Any thread.
template <typename Api, typename Request, typename Response>
::grpc::ServerUnaryReactor* ServeUnary(::grpc::CallbackServerContext& context, GrpcMetrics::Method& metrics, Api& api,
                                       void (Api::*verb)(const Caller&, WithPayload<Request>, Done<Response>),
                                       const Request& request, Response& response) {
  ::grpc::ServerUnaryReactor* const reactor = context.DefaultReactor();
  metrics.Started();
  metrics.Received();
  Done<Response> done = [reactor, &metrics, &response,
                         start = absl::Now()](absl::StatusOr<WithPayload<Response>> answer) {
    if (answer.ok()) {
      response = std::move(*answer->message);
      if (!answer->payload.empty()) PutPayload(answer->payload, response);
      metrics.Sent();
    }
    metrics.Handled(answer.status().code(), absl::Now() - start);
    reactor->Finish(ToGrpcStatus(answer.status()));
  };
  // gRPC made it for this call, and looks at it no more.
  WithPayload<Request> with_payload{std::move(const_cast<Request&>(request))};
  absl::StatusOr<Payload> payload = TakePayload(*with_payload.message);
  if (!payload.ok()) {
    done(payload.status());
    return reactor;
  }
  with_payload.payload = *std::move(payload);
  (api.*verb)(Caller::Service(), std::move(with_payload), std::move(done));
  return reactor;
}

}  // namespace atrium
