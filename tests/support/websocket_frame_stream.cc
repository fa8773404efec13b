#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "tests/support/frame_stream.h"
#include "tests/support/raw_websocket.h"

namespace atrium {
namespace {

class WebSocketFrameStream : public FrameStream {
 public:
  WebSocketFrameStream(uint16_t port, bool json)
      : json_(json), socket_(port, {.subprotocol = json ? "atrium.v1.json" : "atrium.v1.proto"}) {
    EXPECT_TRUE(socket_.open());
  }

  bool Send(const v1::ClientFrame& frame) override {
    if (!json_) return socket_.Send({.opcode = WebSocketFrame::kBinary, .payload = frame.SerializeAsString()});
    std::string text;
    EXPECT_TRUE(google::protobuf::util::MessageToJsonString(frame, &text).ok());
    return socket_.SendText(text);
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
  RawWebSocket socket_;
};

}  // namespace

std::unique_ptr<FrameStream> OpenJsonWebSocket(uint16_t http_port) {
  return std::make_unique<WebSocketFrameStream>(http_port, /*json=*/true);
}

std::unique_ptr<FrameStream> OpenProtoWebSocket(uint16_t http_port) {
  return std::make_unique<WebSocketFrameStream>(http_port, /*json=*/false);
}

}  // namespace atrium
