#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <memory>

#include "absl/time/time.h"
#include "server/metrics/grpc_metrics.h"
#include "server/session/session_hub.h"

namespace atrium {

class ConnectConnection;

// The gRPC side of one Connect stream: gets gRPC's callbacks on gRPC's threads and passes them to its connection, on
// the shard of whatever hub that is with. Owns itself until gRPC is done with it; one read and one write are under way
// at most.
class ConnectStream final : public ::grpc::ServerBidiReactor<::grpc::ByteBuffer, ::grpc::ByteBuffer> {
 public:
  static ConnectStream* Start(::grpc::CallbackServerContext& context, SessionHub& hub, GrpcMetrics::Method& metrics);

  // Called by the connection, on its shard; never after OnDone was passed to it.
  void Read() { StartRead(&incoming_); }
  // When it is done, the connection is told if it failed, or if that was asked for.
  void Write(::grpc::ByteBuffer outgoing);
  // The last write is done, and has not failed.
  bool written() const { return write_.load(std::memory_order_acquire) == WriteState::kDone; }
  // Has the connection's OnWriteDone called when the write under way is done; false if it is already.
  bool TellWhenWritten();
  // The connection has come to `hub`.
  void SetHub(SessionHub& hub) { hub_.store(&hub, std::memory_order_release); }
  // Ends the stream; with `cancel` without waiting for a client that does not read.
  void End(const ::grpc::Status& status, bool cancel);

 private:
  enum class WriteState { kUnderWay, kTell, kDone };

  ConnectStream(::grpc::CallbackServerContext& context, SessionHub& hub, GrpcMetrics::Method& metrics);

  // Runs `task` on the connection's shard.
  template <typename Task>
  void Tell(Task task);
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  ::grpc::CallbackServerContext& context_;
  std::atomic<SessionHub*> hub_;
  GrpcMetrics::Method& metrics_;
  const absl::Time start_;
  // Destroyed on the shard.
  std::shared_ptr<ConnectConnection> connection_;
  ::grpc::ByteBuffer incoming_;
  ::grpc::ByteBuffer outgoing_;
  std::atomic<WriteState> write_ = WriteState::kDone;
};

}  // namespace atrium
