#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "atrium/v1/rooms.grpc.pb.h"
#include "server/api/room_api.h"
#include "server/metrics/grpc_metrics.h"
#include "server/session/session_hub.h"

namespace atrium {

// RoomService at the gRPC door; what Watch sends stays serialised. Thread-safe.
class RoomGrpcService final : public v1::RoomService::WithRawCallbackMethod_Watch<v1::RoomService::CallbackService> {
 public:
  // Watch streams go round the hubs.
  RoomGrpcService(RoomApi& api, const std::vector<std::unique_ptr<SessionHub>>& hubs, GrpcMetrics& metrics);

  using Context = ::grpc::CallbackServerContext;
  using Reactor = ::grpc::ServerUnaryReactor;

  Reactor* Join(Context* context, const v1::JoinRequest* request, v1::JoinResponse* response) override;
  Reactor* Leave(Context* context, const v1::LeaveRequest* request, v1::LeaveResponse* response) override;
  Reactor* Emit(Context* context, const v1::EmitRequest* request, v1::EmitResponse* response) override;
  Reactor* SendMessage(Context* context, const v1::SendMessageRequest* request,
                       v1::SendMessageResponse* response) override;
  Reactor* SetState(Context* context, const v1::SetStateRequest* request, v1::SetStateResponse* response) override;
  Reactor* GetState(Context* context, const v1::GetStateRequest* request, v1::GetStateResponse* response) override;
  Reactor* GetHistory(Context* context, const v1::GetHistoryRequest* request,
                      v1::GetHistoryResponse* response) override;
  using v1::RoomService::CallbackService::Watch;
  ::grpc::ServerWriteReactor<::grpc::ByteBuffer>* Watch(Context* context, const ::grpc::ByteBuffer* request) override;
  Reactor* GetRoom(Context* context, const v1::GetRoomRequest* request, v1::Room* response) override;
  Reactor* ListRooms(Context* context, const v1::ListRoomsRequest* request, v1::ListRoomsResponse* response) override;
  Reactor* ListMembers(Context* context, const v1::ListMembersRequest* request,
                       v1::ListMembersResponse* response) override;
  Reactor* Call(Context* context, const v1::CallRequest* request, v1::CallResponse* response) override;
  Reactor* UpdateRoom(Context* context, const v1::UpdateRoomRequest* request, v1::Room* response) override;
  Reactor* DestroyRoom(Context* context, const v1::DestroyRoomRequest* request,
                       v1::DestroyRoomResponse* response) override;
  Reactor* ListRoomTypes(Context* context, const v1::ListRoomTypesRequest* request,
                         v1::ListRoomTypesResponse* response) override;
  Reactor* GetStats(Context* context, const v1::GetStatsRequest* request, v1::GetStatsResponse* response) override;

 private:
  RoomApi& api_;
  const std::vector<std::unique_ptr<SessionHub>>& hubs_;
  std::atomic<size_t> next_hub_{0};
  GrpcMetrics::Method& join_;
  GrpcMetrics::Method& leave_;
  GrpcMetrics::Method& emit_;
  GrpcMetrics::Method& send_message_;
  GrpcMetrics::Method& set_state_;
  GrpcMetrics::Method& get_state_;
  GrpcMetrics::Method& get_history_;
  GrpcMetrics::Method& watch_;
  GrpcMetrics::Method& get_room_;
  GrpcMetrics::Method& list_rooms_;
  GrpcMetrics::Method& list_members_;
  GrpcMetrics::Method& call_;
  GrpcMetrics::Method& update_room_;
  GrpcMetrics::Method& destroy_room_;
  GrpcMetrics::Method& list_room_types_;
  GrpcMetrics::Method& get_stats_;
};

}  // namespace atrium
