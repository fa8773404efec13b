#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace atrium::verify {

// How a server is put to the test.
struct Settings {
  int clients = 16;
  int rooms = 4;
  absl::Duration duration = absl::Seconds(10);
  uint64_t seed = 0;
  // Each client takes so many steps a second.
  int rate = 40;
  // Rooms of durable types must outlive the server's process.
  bool durable = false;
  // The server may be restarted meanwhile.
  bool crashes = false;
  // Lost connections are resumed.
  bool resume = true;

  // Returns how long the server may be away.
  absl::Duration patience() const { return crashes ? absl::Seconds(30) : absl::Seconds(5); }
};

}  // namespace atrium::verify
