#pragma once

#include <grpcpp/server_builder.h>

#include <cstdint>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "server/common/refusals.h"
#include "server/live/shards/io_shard.h"
#include "server/live/shards/socket.h"
#include "server/live/shards/socket_poller.h"

namespace atrium {

// The connections that gRPC has, from accept to close. They are accepted here and not by gRPC, whose own loop never
// accepts again once it has run out of descriptors (CVE-2023-4785, in gRPC before 1.53).
//
// gRPC does not say when a connection ends. So a second descriptor of each is watched: when both directions are shut
// down, which gRPC does whoever wants the end, the kernel says so there. It runs on `shard`, but for the destructor.
class GrpcConnections {
 public:
  using Acceptor = ::grpc::experimental::ExternalConnectionAcceptor;

  // `most` connections are open at a time; 0 means no limit. `refusals` must outlive it, and `shard` runs as long.
  GrpcConnections(IoShard& shard, std::unique_ptr<Acceptor> acceptor, int most, Refusals& refusals);
  // It is called off the shard, when nothing is taken any more.
  ~GrpcConnections();

  // Gives the connection to gRPC, whose server has started and is not shut down, or closes it if it is one too many.
  void Take(Socket socket);

  // Is called time and again while there is little memory left: cuts who has sent more than kFlood since the last call.
  // What gRPC keeps of a flood of headers is nowhere bounded.
  void CutFloods();
  static constexpr int64_t kFlood = int64_t{1} << 20;

 private:
  class Watch;

  // Closes the second descriptor of a connection that has ended.
  void End(int descriptor);

  IoShard& shard_;
  const std::unique_ptr<Acceptor> acceptor_;
  const int most_;
  Refusals& refusals_;
  SteadyTime looked_at_ = SteadyTime::InfinitePast();
  // These are by their second descriptors.
  absl::flat_hash_map<int, std::unique_ptr<Watch>> open_;
};

}  // namespace atrium
