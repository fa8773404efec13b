#include "server/grpc/session_grpc_service.h"

#include "server/grpc/connect_stream.h"

namespace atrium {

SessionGrpcService::SessionGrpcService(SessionApi& api, const std::vector<std::unique_ptr<SessionHub>>& hubs,
                                       GrpcMetrics& metrics)
    : api_(api),
      hubs_(hubs),
      metrics_(metrics),
      connect_(metrics.Add("bidi_stream", v1::SessionService::service_full_name(), "Connect")) {}

void SessionGrpcService::Listen(CallQueue& queue) {
  const auto serve = [&](absl::string_view name, auto take, auto verb) {
    GrpcMetrics::Method& metrics = metrics_.Add("unary", v1::SessionService::service_full_name(), name);
    methods_.push_back(ServeUnary(*this, take, api_, verb, metrics, queue));
  };
  serve("ListSessions", &v1::SessionService::AsyncService::RequestListSessions, &SessionApi::ListSessions);
  serve("DisconnectSession", &v1::SessionService::AsyncService::RequestDisconnectSession,
        &SessionApi::DisconnectSession);
  ConnectStream::Listen(*this, queue);
}

}  // namespace atrium
