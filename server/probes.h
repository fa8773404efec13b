#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "server/http/http_service.h"
#include "server/live/shards/io_shard.h"
#include "server/net/accept_probe.h"

namespace atrium {

// What Kubernetes asks an atriumd, by GET of these paths:
//   /livez     whether all its shards run; nothing else, because who says no is killed
//   /readyz    whether clients are to be sent here: it serves, does not drain, can write its log, and accepts gRPC
//   /startupz  whether it has begun to serve
//   /healthz   whether it answers at all
// 200 `ok`, or 503 with the reason. They are called on a shard, of all of which these are told.
class Probes {
 public:
  // `shards` must outlive it. `storing` is false while the log cannot be written.
  Probes(const std::vector<std::unique_ptr<IoShard>>& shards, const std::atomic<bool>& storing)
      : shards_(shards), storing_(storing) {}

  // From now on it serves; `grpc` is the probe of the gRPC port. It is called once.
  void SetServing(AcceptProbe grpc);
  // From now on it drains.
  void SetDraining() { draining_ = true; }

  void Live(HttpDone done) const;
  void Ready(HttpDone done) const;
  void Started(HttpDone done) const;

 private:
  IoShard& ThisShard() const;

  const std::vector<std::unique_ptr<IoShard>>& shards_;
  const std::atomic<bool>& storing_;
  std::atomic<bool> draining_{false};
  // This is written before serving_ is set.
  std::optional<AcceptProbe> grpc_;
  std::atomic<bool> serving_{false};
};

}  // namespace atrium
