#include "tests/support/raw_websocket.h"

#include "absl/strings/str_cat.h"
#include "tests/support/deflate.h"

namespace atrium {
namespace {

uint64_t BigEndian(absl::string_view bytes) {
  uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<uint8_t>(byte);
  return number;
}

void AppendBigEndian(std::string& out, uint64_t number, int bytes) {
  while (bytes-- > 0) out.push_back(static_cast<char>(number >> (8 * bytes) & 0xff));
}

}  // namespace

std::string EncodeWebSocketFrame(const WebSocketFrame& frame) {
  std::string out;
  out.push_back(static_cast<char>((frame.fin ? 0x80 : 0) | frame.reserved << 4 | frame.opcode));
  const size_t size = frame.payload.size();
  const int mask_bit = frame.masked ? 0x80 : 0;
  if (size < 126) {
    out.push_back(static_cast<char>(mask_bit | size));
  } else if (size <= 0xffff) {
    out.push_back(static_cast<char>(mask_bit | 126));
    AppendBigEndian(out, size, 2);
  } else {
    out.push_back(static_cast<char>(mask_bit | 127));
    AppendBigEndian(out, size, 8);
  }
  if (!frame.masked) return out + frame.payload;
  constexpr char kMask[] = {0x37, '\xfa', 0x21, 0x3d};
  out.append(kMask, sizeof(kMask));
  for (size_t i = 0; i < size; ++i) out.push_back(static_cast<char>(frame.payload[i] ^ kMask[i % sizeof(kMask)]));
  return out;
}

std::string ClosePayload(uint16_t code, absl::string_view reason) {
  std::string payload;
  AppendBigEndian(payload, code, 2);
  return absl::StrCat(payload, reason);
}

int CloseCodeOf(absl::string_view payload) {
  constexpr int kNoCode = 1005;
  return payload.size() < 2 ? kNoCode : static_cast<int>(BigEndian(payload.substr(0, 2)));
}

RawWebSocket::RawWebSocket(uint16_t port, const Options& options)
    : socket_(std::make_unique<TcpSocket>(port, options.receive_buffer)) {
  std::string request =
      "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  if (!options.subprotocol.empty()) absl::StrAppend(&request, "Sec-WebSocket-Protocol: ", options.subprotocol, "\r\n");
  if (!options.extensions.empty()) absl::StrAppend(&request, "Sec-WebSocket-Extensions: ", options.extensions, "\r\n");
  socket_->Send(absl::StrCat(request, "\r\n", options.behind_request));
  handshake_ = ReadHttpReply(*socket_, unread_, absl::Now() + kPatience);
}

std::optional<WebSocketFrame> RawWebSocket::Read(absl::Time deadline) {
  const auto has = [&](size_t size) {
    while (unread_.size() < size) {
      if (!socket_->Receive(unread_, deadline)) return false;
    }
    return true;
  };
  if (!has(2)) return std::nullopt;
  const auto first = static_cast<uint8_t>(unread_[0]);
  const auto second = static_cast<uint8_t>(unread_[1]);
  const size_t length_bytes = second == 126 ? 2 : second == 127 ? 8 : 0;
  size_t header = 2 + length_bytes;
  if (!has(header)) return std::nullopt;
  const size_t size = length_bytes == 0 ? second & 0x7f : BigEndian(absl::string_view(unread_).substr(2, length_bytes));
  if (!has(header + size)) return std::nullopt;
  WebSocketFrame frame{.opcode = static_cast<uint8_t>(first & 0x0f),
                       .payload = unread_.substr(header, size),
                       .fin = (first & 0x80) != 0,
                       .reserved = static_cast<uint8_t>(first >> 4 & 7),
                       .masked = (second & 0x80) != 0};
  unread_.erase(0, header + size);
  return frame;
}

std::string RawWebSocket::ReadMessage(absl::Time deadline) {
  while (std::optional<WebSocketFrame> frame = Read(deadline)) {
    if (frame->opcode == WebSocketFrame::kPing) Send({.opcode = WebSocketFrame::kPong, .payload = frame->payload});
    if (frame->opcode != WebSocketFrame::kText && frame->opcode != WebSocketFrame::kBinary) continue;
    return frame->reserved == WebSocketFrame::kCompressed ? InflateMessage(frame->payload) : frame->payload;
  }
  return "";
}

int RawWebSocket::ReadClose() {
  const absl::Time deadline = absl::Now() + kPatience;
  while (const std::optional<WebSocketFrame> frame = Read(deadline)) {
    if (frame->opcode != WebSocketFrame::kClose) continue;
    return CloseCodeOf(frame->payload);
  }
  return 0;
}

bool RawWebSocket::ReadToEnd() {
  const absl::Time deadline = absl::Now() + kPatience;
  do {
    unread_.clear();
  } while (socket_->Receive(unread_, deadline));
  return socket_->ended();
}

}  // namespace atrium
