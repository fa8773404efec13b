#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <memory>

#include "absl/time/time.h"
#include "server/metrics/grpc_metrics.h"
#include "server/session/session_hub.h"

namespace atrium {

// One Watch stream: gets gRPC's callbacks on gRPC's threads and passes them to the hub's shard, where all else of it
// runs. All that waits goes out as one ServerFrames message; one write is under way at most. Owns itself until gRPC is
// done with it.
class WatchStream final : public ::grpc::ServerWriteReactor<::grpc::ByteBuffer>, private Observer::Transport {
 public:
  static WatchStream* Start(::grpc::CallbackServerContext& context, const ::grpc::ByteBuffer& request, SessionHub& hub,
                            GrpcMetrics::Method& metrics);

 private:
  WatchStream(::grpc::CallbackServerContext& context, SessionHub& hub, GrpcMetrics::Method& metrics);

  // gRPC's threads.
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // The shard.
  void Begin(const v1::WatchRequest& request);
  void OnReady() override { Write(); }
  void Write();
  void Written(bool ok);
  void End(const absl::Status& verdict);

  ::grpc::CallbackServerContext& context_;
  SessionHub& hub_;
  GrpcMetrics::Method& metrics_;
  const absl::Time start_;
  std::shared_ptr<Observer> observer_;
  ::grpc::ByteBuffer outgoing_;
  bool writing_ = false;
  bool ended_ = false;
  Shard::TimerId linger_timer_ = 0;
};

}  // namespace atrium
