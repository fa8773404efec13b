#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/access/authenticator.h"
#include "server/access/credential_files.h"
#include "server/api/attendance.h"
#include "server/api/authorizer.h"
#include "server/api/local_rooms.h"
#include "server/api/room_api.h"
#include "server/api/rpc_table.h"
#include "server/common/headroom.h"
#include "server/common/log.h"
#include "server/common/refusals.h"
#include "server/engine/room_log.h"
#include "server/http/http_server.h"
#include "server/live/authoring/room_registry.h"
#include "server/live/manager/room_manager.h"
#include "server/live/shards/io_shard.h"
#include "server/live/shards/worker_pool.h"
#include "server/metrics/grpc_metrics.h"
#include "server/net/connection_limiter.h"
#include "server/options.h"
#include "server/probes.h"
#include "server/session/session_api.h"
#include "server/session/session_hub.h"
#include "server/session/stream_table.h"
#include "server/session/user_sessions.h"
#include "server/websocket/websocket_door.h"

namespace atrium {

class GrpcDoor;

// One atriumd: owns every object, in the order in which they need each other.
//
// Thread safety: it is used on one thread, which is none of the shards'; any thread may call log().
class Server {
 public:
  // Listens on its addresses and serves. `pages` are static and stay valid. UNAVAILABLE naming the address if it
  // cannot listen there.
  static absl::StatusOr<std::unique_ptr<Server>> Create(const Options& options, RoomRegistry registry,
                                                        absl::Span<const Page> pages);
  // Without a Drain before it, cuts all connections.
  ~Server();

  uint16_t grpc_port() const;
  uint16_t http_port() const { return http_->port(); }
  uint16_t admin_port() const { return admin_->port(); }
  // These return where it listens, as host:port.
  std::string grpc_address() const;
  std::string http_address() const { return http_->address(); }
  std::string admin_address() const { return admin_->address(); }
  Log& log() { return log_; }

  // Looks at the files of credentials now, whether or not they are due.
  void Reload() { credential_files_.Reload(); }

  // Takes nothing new, says goodbye to the clients (3001; in batches from 1,000 on) and waits until the last has gone
  // or the drain timeout is over.
  void Drain();

 private:
  Server(const Options& options, RoomRegistry registry, std::unique_ptr<RoomLog> room_log);

  // Learns which rooms there are already.
  absl::Status LoadRooms();

  absl::Status Listen(absl::Span<const Page> pages);
  absl::Status ListenForHttp(absl::Span<const Page> pages);
  absl::Status ListenForGrpc();
  absl::Status ListenForAdmin();
  // Says so in the log if the limits allow more connections than there are descriptors.
  void CompareLimitsWithDescriptors();
  // Returns OK, or why no further WebSocket may come. Any thread may call it.
  absl::Status AdmitWebSocket();
  std::string Metrics() const;
  // Looks at the memory now and then, on the first shard.
  void WatchMemory();
  // Hears of it on a thread of the log.
  void OnStoreHealth(const absl::Status& health);
  // Ends gRPC, whose calls have `grace` for that.
  void ShutDownGrpc(absl::Duration grace);
  // Says goodbye to `most` connections of each shard; returns how many there are in all.
  size_t SayGoodbye(size_t most);
  // Returns when each shard has done what was posted to it before.
  void Settle();
  std::vector<Shard*> AllShards() const;
  std::vector<IoShard*> IoShards() const;

  const Options options_;
  Log log_;
  Refusals refusals_;
  Headroom headroom_;
  // It outlives all sockets, some of which are in tasks of shards.
  ConnectionLimiter limiter_;
  const RoomRegistry registry_;
  std::vector<std::unique_ptr<IoShard>> shards_;
  WorkerPool workers_;
  // Whether what is asked of room_log_ would succeed, as far as is known.
  std::atomic<bool> storing_{true};
  // This is null without a data directory. It writes what is left when it ends: its callbacks post to the shards, and
  // what they post to a shard that has stopped never runs.
  const std::unique_ptr<RoomLog> room_log_;
  RoomManager rooms_;
  Authenticator authenticator_;
  CredentialFiles credential_files_;
  const Authorizer authorizer_;
  LocalRooms local_rooms_;
  Attendance attendance_;
  // Connections, which hubs hold, use them until they are gone.
  std::vector<std::unique_ptr<WebSocketDoor>> doors_;
  // Sessions have places in it.
  UserSessions user_sessions_;
  std::vector<std::unique_ptr<SessionHub>> hubs_;
  SessionApi session_api_;
  RoomApi room_api_;
  RpcTable rpcs_;
  StreamTable streams_;
  // These are the admin port's, which has no methods.
  const RpcTable no_rpcs_;
  const StreamTable no_streams_;
  GrpcMetrics grpc_metrics_;
  Probes probes_;
  std::unique_ptr<HttpServer> http_;
  // Its metrics ask http_, so that it is made after that and ends before it.
  std::unique_ptr<HttpServer> admin_;
  std::unique_ptr<GrpcDoor> grpc_;
  // This is grpc_ while that serves; it is used on the first shard.
  GrpcDoor* serving_grpc_ = nullptr;
};

}  // namespace atrium
