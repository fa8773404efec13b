#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "atrium/v1/sessions.grpc.pb.h"
#include "server/metrics/grpc_metrics.h"
#include "server/session/session_api.h"
#include "server/session/session_hub.h"

namespace atrium {

// SessionService at the gRPC door; the frames of Connect stay serialised. Thread-safe.
class SessionGrpcService final
    : public v1::SessionService::WithRawCallbackMethod_Connect<v1::SessionService::WithCallbackMethod_ListSessions<
          v1::SessionService::WithCallbackMethod_DisconnectSession<v1::SessionService::Service>>> {
 public:
  // New streams go round the hubs.
  SessionGrpcService(SessionApi& api, const std::vector<std::unique_ptr<SessionHub>>& hubs, GrpcMetrics& metrics);

  using Context = ::grpc::CallbackServerContext;

  ::grpc::ServerBidiReactor<::grpc::ByteBuffer, ::grpc::ByteBuffer>* Connect(Context* context) override;
  ::grpc::ServerUnaryReactor* ListSessions(Context* context, const v1::ListSessionsRequest* request,
                                           v1::ListSessionsResponse* response) override;
  ::grpc::ServerUnaryReactor* DisconnectSession(Context* context, const v1::DisconnectSessionRequest* request,
                                                v1::DisconnectSessionResponse* response) override;

 private:
  SessionApi& api_;
  const std::vector<std::unique_ptr<SessionHub>>& hubs_;
  std::atomic<size_t> next_hub_{0};
  GrpcMetrics::Method& connect_;
  GrpcMetrics::Method& list_sessions_;
  GrpcMetrics::Method& disconnect_session_;
};

}  // namespace atrium
