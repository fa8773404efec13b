#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace atrium {

// Says why the server closes a connection, in its goodbye and as the WebSocket close code. 3000 to 3499 mean that the
// client may come again, 3500 to 3999 that it may not; those below are of RFC 6455 section 7.4.1.
enum class CloseCode : uint16_t {
  kProtocolError = 1002,
  kUnsupportedData = 1003,
  kInvalidUtf8 = 1007,
  kPolicyViolation = 1008,
  kMessageTooBig = 1009,
  kShutdown = 3001,
  kTokenExpired = 3006,
  kSlowConsumer = 3008,
  kNoPong = 3012,
  kOverloaded = 3013,
  kUnauthenticated = 3500,
  kNoHello = 3502,
  kDisconnected = 3503,
  kResumedElsewhere = 3505,
};

inline constexpr std::array kCloseCodes = {
    CloseCode::kProtocolError, CloseCode::kUnsupportedData,  CloseCode::kInvalidUtf8,     CloseCode::kPolicyViolation,
    CloseCode::kMessageTooBig, CloseCode::kShutdown,         CloseCode::kTokenExpired,    CloseCode::kSlowConsumer,
    CloseCode::kNoPong,        CloseCode::kOverloaded,       CloseCode::kUnauthenticated, CloseCode::kNoHello,
    CloseCode::kDisconnected,  CloseCode::kResumedElsewhere,
};

}  // namespace atrium
