#include "server/grpc/room_grpc_service.h"

#include "server/grpc/watch_stream.h"

namespace atrium {

RoomGrpcService::RoomGrpcService(RoomApi& api, const std::vector<std::unique_ptr<SessionHub>>& hubs,
                                 GrpcMetrics& metrics)
    : api_(api),
      hubs_(hubs),
      metrics_(metrics),
      watch_(metrics.Add("server_stream", v1::RoomService::service_full_name(), "Watch")) {}

void RoomGrpcService::Listen(CallQueue& queue) {
  const auto serve = [&](absl::string_view name, auto take, auto verb) {
    GrpcMetrics::Method& metrics = metrics_.Add("unary", v1::RoomService::service_full_name(), name);
    methods_.push_back(ServeUnary(*this, take, api_, verb, metrics, queue));
  };
  serve("Join", &v1::RoomService::AsyncService::RequestJoin, &RoomApi::Join);
  serve("Leave", &v1::RoomService::AsyncService::RequestLeave, &RoomApi::Leave);
  serve("Emit", &v1::RoomService::AsyncService::RequestEmit, &RoomApi::Emit);
  serve("SendMessage", &v1::RoomService::AsyncService::RequestSendMessage, &RoomApi::SendMessage);
  serve("SetState", &v1::RoomService::AsyncService::RequestSetState, &RoomApi::SetState);
  serve("GetState", &v1::RoomService::AsyncService::RequestGetState, &RoomApi::GetState);
  serve("GetHistory", &v1::RoomService::AsyncService::RequestGetHistory, &RoomApi::GetHistory);
  serve("GetRoom", &v1::RoomService::AsyncService::RequestGetRoom, &RoomApi::GetRoom);
  serve("ListRooms", &v1::RoomService::AsyncService::RequestListRooms, &RoomApi::ListRooms);
  serve("ListMembers", &v1::RoomService::AsyncService::RequestListMembers, &RoomApi::ListMembers);
  serve("Call", &v1::RoomService::AsyncService::RequestCall, &RoomApi::Call);
  serve("UpdateRoom", &v1::RoomService::AsyncService::RequestUpdateRoom, &RoomApi::UpdateRoom);
  serve("DestroyRoom", &v1::RoomService::AsyncService::RequestDestroyRoom, &RoomApi::DestroyRoom);
  serve("ListRoomTypes", &v1::RoomService::AsyncService::RequestListRoomTypes, &RoomApi::ListRoomTypes);
  serve("GetStats", &v1::RoomService::AsyncService::RequestGetStats, &RoomApi::GetStats);
  WatchStream::Listen(*this, queue);
}

}  // namespace atrium
