#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/client_callback.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace atrium::bench {

// One SessionService.Connect stream of the load generator. Messages are bytes both ways, so that reading them costs the
// machine little. Any thread may send; what arrives is told on gRPC's threads, one message after the other. Fails the
// program when the server ends the stream.
class ConnectClient final : ::grpc::ClientBidiReactor<::grpc::ByteBuffer, ::grpc::ByteBuffer> {
 public:
  using OnMessage = std::function<void(absl::string_view message)>;

  ConnectClient(::grpc::GenericStub& stub, OnMessage on_message);
  // Cancels the stream and waits for its end.
  ~ConnectClient() override;

  // A serialised v1::ClientFrames; goes out behind what was sent before.
  void Send(absl::string_view message);

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const ::grpc::Status& status) override;

  const OnMessage on_message_;
  ::grpc::ClientContext context_;
  ::grpc::ByteBuffer incoming_;

  std::mutex mutex_;
  std::condition_variable ended_;
  // The first is under way.
  std::deque<::grpc::ByteBuffer> outgoing_;
  bool leaving_ = false;
  bool done_ = false;
};

// So many connections to a port of 127.0.0.1, for streams to share.
std::vector<std::unique_ptr<::grpc::GenericStub>> ConnectStubs(uint16_t port, int connections);

// The frames of a serialised v1::ClientFrames or v1::ServerFrames, tag and length included. Fails the program if they
// are none.
std::vector<absl::string_view> FramesOf(absl::string_view message);
// Which of the oneof's fields a frame of v1::ServerFrames has.
int KindOfFrame(absl::string_view frame);

}  // namespace atrium::bench
