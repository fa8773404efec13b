#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace atrium {

// Messages of a server as RFC 6455 section 5.2 frames them: each in one frame, which is not masked. All of this is
// inline, because each emit does it.

// These are the first byte of a frame: FIN and the opcode.
inline constexpr uint8_t kTextMessage = 0x81;
inline constexpr uint8_t kBinaryMessage = 0x82;
inline constexpr uint8_t kCloseFrame = 0x88;
inline constexpr uint8_t kPingFrame = 0x89;
// This is RSV1, which is added to a message's first byte if it is compressed (RFC 7692 section 6).
inline constexpr uint8_t kCompressedMessage = 0x40;

inline constexpr size_t kMaxWebSocketHeader = 10;

// Begins a message of about so many bytes, which are to be appended behind room for its header.
inline std::string BeginWebSocketMessage(size_t expected) {
  constexpr char kHeader[kMaxWebSocketHeader] = {};
  std::string out;
  out.reserve(kMaxWebSocketHeader + expected);
  out.append(kHeader, kMaxWebSocketHeader);
  return out;
}

// Puts the header before what was appended to what BeginWebSocketMessage began.
inline void FinishWebSocketMessage(std::string& message, uint8_t first_byte) {
  const uint64_t size = message.size() - kMaxWebSocketHeader;
  const size_t length_bytes = size < 126 ? 0 : size <= 0xffff ? 2 : 8;
  const size_t begin = kMaxWebSocketHeader - 2 - length_bytes;
  message[begin] = static_cast<char>(first_byte);
  message[begin + 1] = static_cast<char>(length_bytes == 0 ? size : length_bytes == 2 ? 126 : 127);
  for (size_t i = 0; i < length_bytes; ++i) {
    message[kMaxWebSocketHeader - 1 - i] = static_cast<char>(size >> 8 * i);
  }
  message.erase(0, begin);
}

inline std::string MakeWebSocketMessage(uint8_t first_byte, absl::string_view payload) {
  std::string out = BeginWebSocketMessage(payload.size());
  out.append(payload.data(), payload.size());
  FinishWebSocketMessage(out, first_byte);
  return out;
}

// Returns the payload of a message that these have made.
inline absl::string_view PayloadOfWebSocketMessage(absl::string_view message) {
  const int length = message[1] & 0x7f;
  message.remove_prefix(length == 127 ? 10 : length == 126 ? 4 : 2);
  return message;
}

}  // namespace atrium
