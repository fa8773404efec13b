#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/time/time.h"
#include "atrium/v1/frames.pb.h"

namespace atrium {

// A client's connection, as frames. One thread at a time.
class FrameStream {
 public:
  virtual ~FrameStream() = default;
  virtual bool Send(const v1::ClientFrame& frame) = 0;
  // None at the end of the connection, and at the deadline.
  virtual std::optional<v1::ServerFrame> Read(absl::Time deadline) = 0;
  // Says goodbye as the door has it: a close with 1000, or a half-close.
  virtual void Leave() = 0;
  // What the connection ended with: a close code, or a canonical code of gRPC; -1 if it does not end in time.
  virtual int WaitForEnd() = 0;
};

// Over a WebSocket with subprotocol `atrium.v1.json` or `atrium.v1.proto`. JSON is made and read by Protobuf's own
// JSON util, which knows nothing of Atrium's.
std::unique_ptr<FrameStream> OpenJsonWebSocket(uint16_t http_port);
std::unique_ptr<FrameStream> OpenProtoWebSocket(uint16_t http_port);
// The same with permessage-deflate; what it sends is compressed, all of it.
std::unique_ptr<FrameStream> OpenDeflatedJsonWebSocket(uint16_t http_port);
std::unique_ptr<FrameStream> OpenDeflatedProtoWebSocket(uint16_t http_port);

// Over SessionService.Connect.
std::unique_ptr<FrameStream> OpenGrpcConnect(uint16_t grpc_port);

}  // namespace atrium
