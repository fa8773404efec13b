#pragma once

#include <cstdint>

#include "absl/time/time.h"
#include "tests/bench/child_process.h"
#include "tests/bench/client.h"
#include "tests/bench/loop.h"

namespace atrium::bench {

// Bytes of resident memory for each of `sessions` idle connections: with Opening::kWebSocket, sessions that have said
// hello and joined no room. The first of them, which find the process cold, are not counted.
double ResidentBytesPerSession(Loop& loop, const ChildProcess& server, uint16_t port, Opening opening, int sessions);

struct Silence {
  int opened_at_once = 0;  // the most silent connections that were open at one time
  int cut = 0;             // by the server
  // Publish to deliver of two members of a room that chat all the while: before, and while the silent ones come, wait
  // and are cut.
  double quiet_p99_us = 0;
  double storm_p99_us = 0;
};
// Opens so many connections that say nothing: half of them no byte at all, half of them no hello after the handshake of
// their WebSocket. Waits until all were cut, `limit` at most.
Silence RunSilence(Loop& loop, const ChildProcess& server, int connections, absl::Duration quiet, absl::Duration limit);

}  // namespace atrium::bench
