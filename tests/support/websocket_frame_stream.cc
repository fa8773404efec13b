#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "tests/support/deflate.h"
#include "tests/support/frame_stream.h"
#include "tests/support/raw_websocket.h"

namespace atrium {
namespace {

class WebSocketFrameStream : public FrameStream {
 public:
  WebSocketFrameStream(uint16_t port, bool json, bool deflate = false)
      : json_(json),
        deflate_(deflate),
        socket_(port, {.subprotocol = json ? "atrium.v1.json" : "atrium.v1.proto",
                       .extensions = deflate ? "permessage-deflate; client_max_window_bits" : ""}) {
    EXPECT_TRUE(socket_.open());
    EXPECT_EQ(socket_.handshake().headers.count("sec-websocket-extensions"), deflate ? 1u : 0u);
  }

  bool Send(const v1::ClientFrame& frame) override {
    std::string message;
    if (json_) {
      EXPECT_TRUE(google::protobuf::util::MessageToJsonString(frame, &message).ok());
    } else {
      message = frame.SerializeAsString();
    }
    const auto opcode = json_ ? WebSocketFrame::kText : WebSocketFrame::kBinary;
    if (!deflate_) return socket_.Send({.opcode = opcode, .payload = message});
    return socket_.Send(
        {.opcode = opcode, .payload = DeflateMessage(message), .reserved = WebSocketFrame::kCompressed});
  }

  std::optional<v1::ServerFrame> Read(absl::Time deadline) override {
    const std::string message = socket_.ReadMessage(deadline);
    if (message.empty()) return std::nullopt;
    v1::ServerFrame frame;
    if (json_) {
      const auto status = google::protobuf::util::JsonStringToMessage(message, &frame);
      EXPECT_TRUE(status.ok()) << status.ToString() << ": " << message;
    } else {
      EXPECT_TRUE(frame.ParseFromString(message));
    }
    return frame;
  }

  void Leave() override { socket_.Send({.opcode = WebSocketFrame::kClose, .payload = ClosePayload(1000)}); }

  int WaitForEnd() override {
    const int code = socket_.ReadClose();
    Leave();
    return socket_.ReadToEnd() ? code : -1;
  }

 private:
  const bool json_;
  const bool deflate_;
  RawWebSocket socket_;
};

}  // namespace

std::unique_ptr<FrameStream> OpenJsonWebSocket(uint16_t http_port) {
  return std::make_unique<WebSocketFrameStream>(http_port, /*json=*/true);
}

std::unique_ptr<FrameStream> OpenProtoWebSocket(uint16_t http_port) {
  return std::make_unique<WebSocketFrameStream>(http_port, /*json=*/false);
}

std::unique_ptr<FrameStream> OpenDeflatedJsonWebSocket(uint16_t http_port) {
  return std::make_unique<WebSocketFrameStream>(http_port, /*json=*/true, /*deflate=*/true);
}

std::unique_ptr<FrameStream> OpenDeflatedProtoWebSocket(uint16_t http_port) {
  return std::make_unique<WebSocketFrameStream>(http_port, /*json=*/false, /*deflate=*/true);
}

}  // namespace atrium
