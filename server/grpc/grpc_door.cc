#include "server/grpc/grpc_door.h"

#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <utility>

#include "server/common/errors.h"
#include "server/common/status_macros.h"

namespace atrium {
namespace {

using ConnectionType = ::grpc::ServerBuilder::experimental_type::ExternalConnectionType;

// All connections together may have so much in gRPC's buffers; who would need more waits.
constexpr size_t kBufferBytes = 128 << 20;
// gRPC reads so much of a connection before others have their turn, in bytes.
constexpr int kMaxReadBytes = 64 * 1024;
constexpr int kMaxMetadataBytes = 16 * 1024;
constexpr int kMaxReceivedBytes = 4 << 20;
// A client that has connected begins to speak HTTP/2 within this time, in milliseconds.
constexpr int kHandshakeMs = 5'000;

void SetLimits(const GrpcOptions& options, ::grpc::ServerBuilder& builder) {
  builder.SetResourceQuota(::grpc::ResourceQuota("atrium").Resize(kBufferBytes));
  builder.SetMaxReceiveMessageSize(kMaxReceivedBytes);
  builder.AddChannelArgument(GRPC_ARG_TCP_MAX_READ_CHUNK_SIZE, kMaxReadBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeMs);
  if (options.max_streams > 0) builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_streams);
  // gRPC unpacks a message before it looks at its size. So it unpacks none: ReceivedMessage refuses them.
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
}

// A dead peer is noticed within 33 s, as on a WebSocket; clients may ping every 10 s, calls or not.
void SetKeepAlive(::grpc::ServerBuilder& builder) {
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 25'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 8'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
}

std::vector<std::string> ReflectedServices() {
  return {v1::RoomService::service_full_name(), v1::SessionService::service_full_name(),
          ::grpc::health::v1::Health::service_full_name(),
          ::grpc::reflection::v1::ServerReflection::service_full_name(),
          ::grpc::reflection::v1alpha::ServerReflection::service_full_name()};
}

}  // namespace

GrpcDoor::GrpcDoor(const GrpcParts& parts)
    : log_(parts.log),
      room_service_(parts.rooms, parts.hubs, parts.metrics),
      session_service_(parts.sessions, parts.hubs, parts.metrics),
      health_service_({v1::RoomService::service_full_name(), v1::SessionService::service_full_name()}, parts.metrics),
      reflection_v1_(ReflectedServices(), parts.metrics),
      reflection_v1alpha_(ReflectedServices(), parts.metrics) {}

absl::StatusOr<std::unique_ptr<GrpcDoor>> GrpcDoor::Create(const GrpcOptions& options, const GrpcParts& parts) {
  auto door = absl::WrapUnique(new GrpcDoor(parts));
  RETURN_IF_ERROR(door->StartServer(options, parts));
  std::vector<IoShard*> shards;
  for (const auto& shard : parts.shards) shards.push_back(shard.get());
  ASSIGN_OR_RETURN(door->listener_,
                   TcpListener::Open("gRPC", options.address, std::move(shards), parts.log, &parts.limiter,
                                     [connections = door->connections_.get()](size_t, Socket socket) {
                                       connections->Take(std::move(socket));
                                     }));
  return door;
}

absl::Status GrpcDoor::StartServer(const GrpcOptions& options, const GrpcParts& parts) {
  ::grpc::ServerBuilder builder;
  SetLimits(options, builder);
  SetKeepAlive(builder);
  connections_ = std::make_unique<GrpcConnections>(*parts.shards.front(),
                                                   builder.experimental().AddExternalConnectionAcceptor(
                                                       ConnectionType::FROM_FD, ::grpc::InsecureServerCredentials()),
                                                   options.max_connections, parts.refusals);
  builder.RegisterService(&room_service_);
  builder.RegisterService(&session_service_);
  builder.RegisterService(&health_service_);
  builder.RegisterService(&reflection_v1_);
  builder.RegisterService(&reflection_v1alpha_);
  for (const auto& shard : parts.shards) {
    queues_.push_back(
        std::make_unique<CallQueue>(*shard, builder.AddCompletionQueue(), parts.authenticator, large_answers_));
  }
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) return absl::InternalError("gRPC cannot be started");
  for (const auto& queue : queues_) {
    room_service_.Listen(*queue);
    session_service_.Listen(*queue);
    health_service_.Listen(*queue);
    reflection_v1_.Listen(*queue);
    reflection_v1alpha_.Listen(*queue);
    queue->Start();
  }
  return absl::OkStatus();
}

void GrpcDoor::StopServing() { health_service_.StopServing(); }

void GrpcDoor::Shutdown(absl::Duration grace) {
  if (server_ == nullptr) return;
  // gRPC would lose the descriptors of connections that come after its own shutdown.
  listener_ = nullptr;
  server_->Shutdown(
      gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(absl::ToInt64Milliseconds(grace), GPR_TIMESPAN)));
  server_->Wait();
  for (const auto& queue : queues_) queue->Shutdown();
  server_ = nullptr;
  connections_ = nullptr;
}

}  // namespace atrium
