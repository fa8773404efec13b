#pragma once

#include <cstddef>

#include "absl/time/time.h"

namespace atrium {

// The limits of connections and sessions. A limit of 0 is none.
struct SessionSettings {
  // Requests a second, and at once.
  double rate = 50;
  double burst = 100;
  int max_rooms = 128;
  int max_components = 16;
  // One frame from a client, in bytes.
  size_t max_message_bytes = 64 * 1024;
  // What waits to be sent to one client, in bytes.
  size_t send_queue_bytes = 1 << 20;
  // Longer frames to clients that take that are compressed, in bytes. 0: none are.
  size_t compress_above = 1024;
  // How long a session is kept without a connection, at least: longer if a room of it has a longer window.
  absl::Duration resume_window = absl::Seconds(15);
  absl::Duration hello_timeout = absl::Seconds(10);
  absl::Duration ping_interval = absl::Seconds(25);
  absl::Duration pong_timeout = absl::Seconds(8);
};

}  // namespace atrium
