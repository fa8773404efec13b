#include "server/grpc/session_grpc_service.h"

#include "server/grpc/connect_stream.h"

namespace atrium {

SessionGrpcService::SessionGrpcService(SessionApi& api, const std::vector<std::unique_ptr<SessionHub>>& hubs,
                                       GrpcMetrics& metrics)
    : RawService(std::string(kSessionVerbs.service)),
      api_(api),
      hubs_(hubs),
      metrics_(metrics),
      connect_(metrics.Add("bidi_stream", kSessionVerbs.service, RowOf<kSessionVerbs, Verb::kConnect>().name)) {}

void SessionGrpcService::Listen(CallQueue& queue) {
  ServeVerbs<kSessionVerbs>(*this, api_, metrics_, queue, methods_);
  ConnectStream::Listen(*this, queue);
}

}  // namespace atrium
