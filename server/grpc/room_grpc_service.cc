#include "server/grpc/room_grpc_service.h"

#include "server/grpc/watch_stream.h"

namespace atrium {

RoomGrpcService::RoomGrpcService(RoomApi& api, const std::vector<std::unique_ptr<SessionHub>>& hubs,
                                 GrpcMetrics& metrics)
    : RawService(std::string(kRoomVerbs.service)),
      api_(api),
      hubs_(hubs),
      metrics_(metrics),
      watch_(metrics.Add("server_stream", kRoomVerbs.service, RowOf<kRoomVerbs, Verb::kWatch>().name)) {}

void RoomGrpcService::Listen(CallQueue& queue) {
  ServeVerbs<kRoomVerbs>(*this, api_, metrics_, queue, methods_);
  WatchStream::Listen(*this, queue);
}

}  // namespace atrium
