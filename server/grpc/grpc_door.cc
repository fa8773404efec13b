#include "server/grpc/grpc_door.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/common/errors.h"

namespace atrium {

GrpcDoor::GrpcDoor(RoomApi& rooms, SessionApi& sessions, const std::vector<std::unique_ptr<SessionHub>>& hubs,
                   GrpcMetrics& metrics)
    : room_service_(rooms, hubs, metrics),
      session_service_(sessions, hubs, metrics),
      health_service_({v1::RoomService::service_full_name(), v1::SessionService::service_full_name()}, metrics) {}

absl::StatusOr<std::unique_ptr<GrpcDoor>> GrpcDoor::Create(const std::string& address, RoomApi& rooms,
                                                           SessionApi& sessions,
                                                           const std::vector<std::unique_ptr<SessionHub>>& hubs,
                                                           const std::vector<std::unique_ptr<IoShard>>& shards,
                                                           GrpcMetrics& metrics) {
  ::grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  auto door = absl::WrapUnique(new GrpcDoor(rooms, sessions, hubs, metrics));
  ::grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(address, ::grpc::InsecureServerCredentials(), &port);
  // Two processes must not share a port unnoticed.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // A dead peer is noticed within 33 s, as on a WebSocket; clients may ping every 10 s, calls or not.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 25'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 8'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.RegisterService(&door->room_service_);
  builder.RegisterService(&door->session_service_);
  builder.RegisterService(&door->health_service_);
  for (const auto& shard : shards) {
    door->queues_.push_back(std::make_unique<CallQueue>(*shard, builder.AddCompletionQueue()));
  }
  door->server_ = builder.BuildAndStart();
  if (door->server_ == nullptr || port == 0) {
    return MakeError(absl::StatusCode::kUnavailable, "CANNOT_LISTEN",
                     absl::StrCat("cannot listen on ", address, " for gRPC: is the port taken?"));
  }
  door->port_ = static_cast<uint16_t>(port);
  for (const auto& queue : door->queues_) {
    door->room_service_.Listen(*queue);
    door->session_service_.Listen(*queue);
    door->health_service_.Listen(*queue);
    queue->Start();
  }
  return door;
}

void GrpcDoor::StopServing() { health_service_.StopServing(); }

void GrpcDoor::Shutdown(absl::Duration grace) {
  if (server_ == nullptr) return;
  server_->Shutdown(absl::ToChronoTime(absl::Now() + grace));
  server_->Wait();
  for (const auto& queue : queues_) queue->Shutdown();
  server_ = nullptr;
}

}  // namespace atrium
