#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/api/room_api.h"
#include "server/api/rpc_table.h"
#include "server/common/log.h"
#include "server/engine/room_log.h"
#include "server/http/http_server.h"
#include "server/live/io_shard.h"
#include "server/live/room_manager.h"
#include "server/live/room_registry.h"
#include "server/live/worker_pool.h"
#include "server/metrics/grpc_metrics.h"
#include "server/options.h"
#include "server/session/session_api.h"
#include "server/session/session_hub.h"
#include "server/websocket/websocket_door.h"

namespace atrium {

class GrpcDoor;

// One atriumd: owns every object, in the order in which they need each other.
//
// Thread safety: Create, Drain and the destructor on one thread, which is none of the shards'.
class Server {
 public:
  // Listens on both addresses and serves. `pages` are static and stay valid. UNAVAILABLE naming the address if it
  // cannot listen there.
  static absl::StatusOr<std::unique_ptr<Server>> Create(const Options& options, RoomRegistry registry,
                                                        absl::Span<const Page> pages);
  // Without a Drain before it, cuts all connections.
  ~Server();

  uint16_t grpc_port() const;
  uint16_t http_port() const { return http_->port(); }
  Log& log() { return log_; }

  // Takes nothing new, says goodbye to the clients (3001; in batches from 1,000 on) and waits until the last has gone
  // or the drain timeout is over.
  void Drain();

 private:
  Server(const Options& options, RoomRegistry registry, std::unique_ptr<RoomLog> store);

  // Learns which rooms there are already.
  absl::Status LoadRooms();

  absl::Status Listen(absl::Span<const Page> pages);
  // Says goodbye to `most` connections of each shard; returns how many there are in all.
  size_t SayGoodbye(size_t most);
  // Returns when each shard has done what was posted to it before.
  void Settle();
  std::vector<Shard*> AllShards() const;

  const Options options_;
  Log log_;
  const RoomRegistry registry_;
  std::vector<std::unique_ptr<IoShard>> shards_;
  WorkerPool workers_;
  // Null without a data directory. Writes what is left when it ends: its callbacks post to the shards, and what they
  // post to a shard that has stopped never runs.
  const std::unique_ptr<RoomLog> store_;
  RoomManager rooms_;
  // Connections, which hubs hold, use them until they are gone.
  std::vector<std::unique_ptr<WebSocketDoor>> doors_;
  std::vector<std::unique_ptr<SessionHub>> hubs_;
  SessionApi session_api_;
  RoomApi room_api_;
  RpcTable rpcs_;
  StreamTable streams_;
  GrpcMetrics grpc_metrics_;
  std::atomic<bool> draining_{false};
  std::unique_ptr<HttpServer> http_;
  // http_ once it serves: what its own handlers see of it, on the shards.
  std::atomic<const HttpServer*> serving_http_{nullptr};
  std::unique_ptr<GrpcDoor> grpc_;
};

}  // namespace atrium
