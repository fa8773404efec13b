#pragma once

#include <grpcpp/client_context.h>

#include <functional>
#include <memory>
#include <thread>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "client-sdk/cli/rpc.h"

namespace atrium::cli {

// A client's connection: one Connect stream. It is thread-safe; the callbacks run on a thread of its own.
class Session {
 public:
  using OnFrame = std::function<void(const v1::ServerFrame&)>;
  // This says that the connection has ended; nothing follows.
  using OnEnd = std::function<void(const absl::Status&)>;

  Session(Rpc& rpc, const v1::Hello& hello, OnFrame on_frame, OnEnd on_end);
  // Drops the connection if it is still there, and waits for the end.
  ~Session();

  // Returns false when the connection has ended.
  bool Send(const v1::ClientFrame& frame);
  // Ends the session, and waits for that, 2 s at most. It is not called in `on_frame`.
  void Leave();
  // Loses the connection; the session may be resumed.
  void Drop() { context_.TryCancel(); }

 private:
  void Read();

  Rpc& rpc_;
  const OnFrame on_frame_;
  const OnEnd on_end_;
  grpc::ClientContext context_;
  const std::unique_ptr<grpc::ClientReaderWriter<v1::ClientFrames, v1::ServerFrames>> stream_;
  absl::Mutex writing_;
  bool ended_ ABSL_GUARDED_BY(writing_) = false;
  std::thread reader_;
};

}  // namespace atrium::cli
