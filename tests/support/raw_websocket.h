#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/support/eventually.h"
#include "tests/support/http_client.h"
#include "tests/support/tcp_socket.h"

namespace atrium {

// A WebSocket frame, as RFC 6455 section 5.2 has it.
struct WebSocketFrame {
  enum Opcode : uint8_t { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };
  static constexpr uint8_t kCompressed = 4;  // RSV1: RFC 7692
  uint8_t opcode = kText;
  std::string payload;
  bool fin = true;
  uint8_t reserved = 0;  // RSV1 to RSV3: 4, 2, 1
  bool masked = true;
};

// The bytes of a frame, valid or not.
std::string EncodeWebSocketFrame(const WebSocketFrame& frame);

// The payload of a close frame, and back: its code, 1005 for a payload without one.
std::string ClosePayload(uint16_t code, absl::string_view reason = "");
int CloseCodeOf(absl::string_view payload);

// A WebSocket client on a plain socket, which sends what it is told to, broken or not, and does nothing by itself.
class RawWebSocket {
 public:
  struct Options {
    // A Sec-WebSocket-Protocol header; empty for none.
    std::string subprotocol = "atrium.v1.json";
    int receive_buffer = 0;
    // Sent in one segment with the request.
    std::string behind_request = "";
    // A Sec-WebSocket-Extensions header; empty for none.
    std::string extensions = "";
  };

  explicit RawWebSocket(uint16_t port) : RawWebSocket(port, Options()) {}
  // Does the handshake, and waits for its answer.
  RawWebSocket(uint16_t port, const Options& options);

  bool open() const { return handshake_.status == 101; }
  const HttpReply& handshake() const { return handshake_; }

  bool SendBytes(absl::string_view bytes) { return socket_->Send(bytes); }
  bool Send(const WebSocketFrame& frame) { return socket_->Send(EncodeWebSocketFrame(frame)); }
  // What is being sent on another thread fails.
  void ShutdownSend() { socket_->ShutdownSend(); }
  bool SendText(const std::string& text) { return Send({.payload = text}); }

  // The next frame. None at the end of the connection, and at the deadline.
  std::optional<WebSocketFrame> Read(absl::Time deadline = absl::Now() + kPatience);
  // The payload of the next text or binary frame, unpacked if it is compressed. Answers pings; other control frames are
  // skipped. Empty if none comes.
  std::string ReadMessage(absl::Time deadline = absl::Now() + kPatience);
  // Skips all up to the close frame. Its code; 0 if none comes.
  int ReadClose();
  // Skips all up to the end of the connection. False at the deadline.
  bool ReadToEnd();

 private:
  std::unique_ptr<TcpSocket> socket_;
  std::string unread_;
  HttpReply handshake_;
};

}  // namespace atrium
