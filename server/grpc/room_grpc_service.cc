#include "server/grpc/room_grpc_service.h"

#include "server/grpc/unary.h"
#include "server/grpc/watch_stream.h"

namespace atrium {
namespace {

GrpcMetrics::Method& Unary(GrpcMetrics& metrics, absl::string_view method) {
  return metrics.Add("unary", v1::RoomService::service_full_name(), method);
}

}  // namespace

RoomGrpcService::RoomGrpcService(RoomApi& api, const std::vector<std::unique_ptr<SessionHub>>& hubs,
                                 GrpcMetrics& metrics)
    : api_(api),
      hubs_(hubs),
      join_(Unary(metrics, "Join")),
      leave_(Unary(metrics, "Leave")),
      emit_(Unary(metrics, "Emit")),
      send_message_(Unary(metrics, "SendMessage")),
      set_state_(Unary(metrics, "SetState")),
      get_state_(Unary(metrics, "GetState")),
      get_history_(Unary(metrics, "GetHistory")),
      watch_(metrics.Add("server_stream", v1::RoomService::service_full_name(), "Watch")),
      get_room_(Unary(metrics, "GetRoom")),
      list_rooms_(Unary(metrics, "ListRooms")),
      list_members_(Unary(metrics, "ListMembers")),
      call_(Unary(metrics, "Call")),
      update_room_(Unary(metrics, "UpdateRoom")),
      destroy_room_(Unary(metrics, "DestroyRoom")),
      list_room_types_(Unary(metrics, "ListRoomTypes")),
      get_stats_(Unary(metrics, "GetStats")) {}

RoomGrpcService::Reactor* RoomGrpcService::Join(Context* context, const v1::JoinRequest* request,
                                                v1::JoinResponse* response) {
  return ServeUnary(*context, join_, api_, &RoomApi::Join, *request, *response);
}

RoomGrpcService::Reactor* RoomGrpcService::Leave(Context* context, const v1::LeaveRequest* request,
                                                 v1::LeaveResponse* response) {
  return ServeUnary(*context, leave_, api_, &RoomApi::Leave, *request, *response);
}

RoomGrpcService::Reactor* RoomGrpcService::Emit(Context* context, const v1::EmitRequest* request,
                                                v1::EmitResponse* response) {
  return ServeUnary(*context, emit_, api_, &RoomApi::Emit, *request, *response);
}

RoomGrpcService::Reactor* RoomGrpcService::SendMessage(Context* context, const v1::SendMessageRequest* request,
                                                       v1::SendMessageResponse* response) {
  return ServeUnary(*context, send_message_, api_, &RoomApi::SendMessage, *request, *response);
}

RoomGrpcService::Reactor* RoomGrpcService::SetState(Context* context, const v1::SetStateRequest* request,
                                                    v1::SetStateResponse* response) {
  return ServeUnary(*context, set_state_, api_, &RoomApi::SetState, *request, *response);
}

RoomGrpcService::Reactor* RoomGrpcService::GetState(Context* context, const v1::GetStateRequest* request,
                                                    v1::GetStateResponse* response) {
  return ServeUnary(*context, get_state_, api_, &RoomApi::GetState, *request, *response);
}

RoomGrpcService::Reactor* RoomGrpcService::GetHistory(Context* context, const v1::GetHistoryRequest* request,
                                                      v1::GetHistoryResponse* response) {
  return ServeUnary(*context, get_history_, api_, &RoomApi::GetHistory, *request, *response);
}

::grpc::ServerWriteReactor<::grpc::ByteBuffer>* RoomGrpcService::Watch(Context* context,
                                                                       const ::grpc::ByteBuffer* request) {
  SessionHub& hub = *hubs_[next_hub_.fetch_add(1, std::memory_order_relaxed) % hubs_.size()];
  return WatchStream::Start(*context, *request, hub, watch_);
}

RoomGrpcService::Reactor* RoomGrpcService::GetRoom(Context* context, const v1::GetRoomRequest* request,
                                                   v1::Room* response) {
  return ServeUnary(*context, get_room_, api_, &RoomApi::GetRoom, *request, *response);
}

RoomGrpcService::Reactor* RoomGrpcService::ListRooms(Context* context, const v1::ListRoomsRequest* request,
                                                     v1::ListRoomsResponse* response) {
  return ServeUnary(*context, list_rooms_, api_, &RoomApi::ListRooms, *request, *response);
}

RoomGrpcService::Reactor* RoomGrpcService::ListMembers(Context* context, const v1::ListMembersRequest* request,
                                                       v1::ListMembersResponse* response) {
  return ServeUnary(*context, list_members_, api_, &RoomApi::ListMembers, *request, *response);
}

RoomGrpcService::Reactor* RoomGrpcService::Call(Context* context, const v1::CallRequest* request,
                                                v1::CallResponse* response) {
  return ServeUnary(*context, call_, api_, &RoomApi::Call, *request, *response);
}

RoomGrpcService::Reactor* RoomGrpcService::UpdateRoom(Context* context, const v1::UpdateRoomRequest* request,
                                                      v1::Room* response) {
  return ServeUnary(*context, update_room_, api_, &RoomApi::UpdateRoom, *request, *response);
}

RoomGrpcService::Reactor* RoomGrpcService::DestroyRoom(Context* context, const v1::DestroyRoomRequest* request,
                                                       v1::DestroyRoomResponse* response) {
  return ServeUnary(*context, destroy_room_, api_, &RoomApi::DestroyRoom, *request, *response);
}

RoomGrpcService::Reactor* RoomGrpcService::ListRoomTypes(Context* context, const v1::ListRoomTypesRequest* request,
                                                         v1::ListRoomTypesResponse* response) {
  return ServeUnary(*context, list_room_types_, api_, &RoomApi::ListRoomTypes, *request, *response);
}

RoomGrpcService::Reactor* RoomGrpcService::GetStats(Context* context, const v1::GetStatsRequest* request,
                                                    v1::GetStatsResponse* response) {
  return ServeUnary(*context, get_stats_, api_, &RoomApi::GetStats, *request, *response);
}

}  // namespace atrium
