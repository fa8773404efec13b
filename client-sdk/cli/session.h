#pragma once

#include <grpcpp/client_context.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "absl/status/status.h"
#include "client-sdk/cli/rpc.h"

namespace atrium::cli {

// A client's connection: one Connect stream. Thread-safe; the callbacks run on a thread of its own.
class Session {
 public:
  using OnFrame = std::function<void(const v1::ServerFrame&)>;
  // The connection has ended; nothing follows.
  using OnEnd = std::function<void(const absl::Status&)>;

  Session(Rpc& rpc, const v1::Hello& hello, OnFrame on_frame, OnEnd on_end);
  // Drops the connection if it is still there, and waits for the end.
  ~Session();

  // False when the connection has ended.
  bool Send(const v1::ClientFrame& frame);
  // Ends the session, and waits for that, 2 s at most. Not in `on_frame`.
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
  std::mutex writing_;
  std::condition_variable end_;
  bool ended_ = false;  // guarded by writing_
  std::thread reader_;
};

}  // namespace atrium::cli
