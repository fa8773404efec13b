#pragma once

#include <algorithm>
#include <cstddef>

#include "absl/time/time.h"

namespace atrium {

// These are the limits of connections and sessions. A limit of 0 is none.
struct SessionSettings {
  // A client may send so many requests a second, and so many at once (RateLimiter, RequestBurst).
  double rate = 50;
  double burst = 200;
  int max_rooms = 128;
  int max_components = 16;
  // One frame from a client may be so large, in bytes.
  size_t max_message_bytes = size_t{64} * 1024;
  // It may take so long to come in, from its first byte on.
  absl::Duration message_timeout = absl::Seconds(30);
  // So much may wait to be sent to one client, in bytes, beside one larger frame.
  size_t send_queue_bytes = 1 << 20;
  // Frames of more bytes are compressed for clients that take that; with 0 none are.
  size_t compress_above = 1024;
  // A session is kept for so long without a connection, or longer if a room of it has a longer window.
  absl::Duration resume_window = absl::Seconds(15);
  absl::Duration hello_timeout = absl::Seconds(10);
  absl::Duration ping_interval = absl::Seconds(25);
  absl::Duration pong_timeout = absl::Seconds(8);

  // A client that comes anew asks for all the rooms and components that it may have, at once.
  double RequestBurst() const { return std::max(burst, static_cast<double>(max_rooms) + max_components); }
};

}  // namespace atrium
