#pragma once

#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/byte_buffer.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/grpc/async_stream.h"
#include "server/metrics/grpc_metrics.h"
#include "server/session/session_hub.h"

namespace atrium {

class ConnectConnection;
class SessionGrpcService;

// The gRPC side of one Connect stream. It hears of the stream on the shard of its queue, and passes that to its
// connection, on the shard of whatever hub that is with. It owns itself until gRPC is done with it; one read and one
// write are under way at most.
class ConnectStream final
    : public AsyncStream<::grpc::ServerAsyncReaderWriter<::grpc::ByteBuffer, ::grpc::ByteBuffer>> {
 public:
  // Takes streams of `service` from `queue` from now on, one after the other.
  static void Listen(SessionGrpcService& service, CallQueue& queue) { new ConnectStream(service, queue); }

  // What follows is called by the connection, on its shard, and never after OnDone was passed to it.
  // Asks for the next message, which OnFrames or OnReadEnd brings.
  void Read() { StartRead(&incoming_); }
  // Begins a write. When it is done, the connection is told if it failed, or if TellWhenWritten has asked for that.
  void Write(const ::grpc::ByteBuffer& outgoing);
  // Returns whether the last write is done, and has not failed.
  bool written() const { return write_.load(std::memory_order_acquire) == WriteState::kDone; }
  // Has the connection's OnWriteDone called when the write under way is done. Returns false if it is done already.
  bool TellWhenWritten();
  // Says that the connection has come to `hub`.
  void SetHub(SessionHub& hub) { hub_.store(&hub, std::memory_order_release); }
  // Ends the stream; with `cancel` without waiting for a client that does not read.
  void End(const ::grpc::Status& status, bool cancel);

 private:
  enum class WriteState { kUnderWay, kTell, kDone };

  ConnectStream(SessionGrpcService& service, CallQueue& queue);

  // Returns the client's token beside the stream, of which the hello says whether it is valid; empty if there is none,
  // as from a service, whose key is looked at here: UNAUTHENTICATED or PERMISSION_DENIED if that does not let it in.
  absl::StatusOr<std::string> Token();

  // Runs `task` on the connection's shard.
  template <typename Task>
  void Tell(Task task);
  void OnCall() override;
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  SessionGrpcService& service_;
  CallQueue& queue_;
  std::atomic<SessionHub*> hub_ = nullptr;
  SteadyTime start_;
  // This is destroyed on the connection's shard.
  std::shared_ptr<ConnectConnection> connection_;
  ::grpc::ByteBuffer incoming_;
  std::atomic<WriteState> write_ = WriteState::kDone;
};

}  // namespace atrium
