#include "server/grpc/session_grpc_service.h"

#include "server/grpc/connect_stream.h"
#include "server/grpc/unary.h"

namespace atrium {

SessionGrpcService::SessionGrpcService(SessionApi& api, const std::vector<std::unique_ptr<SessionHub>>& hubs,
                                       GrpcMetrics& metrics)
    : api_(api),
      hubs_(hubs),
      connect_(metrics.Add("bidi_stream", v1::SessionService::service_full_name(), "Connect")),
      list_sessions_(metrics.Add("unary", v1::SessionService::service_full_name(), "ListSessions")),
      disconnect_session_(metrics.Add("unary", v1::SessionService::service_full_name(), "DisconnectSession")) {}

::grpc::ServerBidiReactor<::grpc::ByteBuffer, ::grpc::ByteBuffer>* SessionGrpcService::Connect(Context* context) {
  SessionHub& hub = *hubs_[next_hub_.fetch_add(1, std::memory_order_relaxed) % hubs_.size()];
  return ConnectStream::Start(*context, hub, connect_);
}

::grpc::ServerUnaryReactor* SessionGrpcService::ListSessions(Context* context, const v1::ListSessionsRequest* request,
                                                             v1::ListSessionsResponse* response) {
  return ServeUnary(*context, list_sessions_, api_, &SessionApi::ListSessions, *request, *response);
}

::grpc::ServerUnaryReactor* SessionGrpcService::DisconnectSession(Context* context,
                                                                  const v1::DisconnectSessionRequest* request,
                                                                  v1::DisconnectSessionResponse* response) {
  return ServeUnary(*context, disconnect_session_, api_, &SessionApi::DisconnectSession, *request, *response);
}

}  // namespace atrium
