#pragma once

#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/byte_buffer.h>

#include <memory>

#include "absl/time/time.h"
#include "server/grpc/async_stream.h"
#include "server/metrics/grpc_metrics.h"
#include "server/session/session_hub.h"

namespace atrium {

class RoomGrpcService;

// One Watch stream. It hears of the stream on the shard of its queue and passes that to the hub's shard, where all else
// of it runs. All that waits goes out as one ServerFrames message; one write is under way at most. It owns itself until
// gRPC is done with it.
class WatchStream final : public AsyncStream<::grpc::ServerAsyncWriter<::grpc::ByteBuffer>>,
                          private Observer::Transport {
 public:
  // Takes streams of `service` from `queue` from now on, one after the other.
  static void Listen(RoomGrpcService& service, CallQueue& queue) { new WatchStream(service, queue); }

 private:
  WatchStream(RoomGrpcService& service, CallQueue& queue);

  // These run on the queue's shard.
  void OnCall() override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // These run on the hub's shard.
  void StartWatch(const Caller& caller, const v1::WatchRequest& request);
  void OnReady() override { Write(); }
  void Write();
  void Written(bool ok);
  void End(const absl::Status& verdict);

  RoomGrpcService& service_;
  CallQueue& queue_;
  SessionHub* hub_ = nullptr;
  SteadyTime start_;
  ::grpc::ByteBuffer request_;
  std::shared_ptr<Observer> observer_;
  bool writing_ = false;
  bool ended_ = false;
  Shard::TimerId linger_timer_ = 0;
};

}  // namespace atrium
