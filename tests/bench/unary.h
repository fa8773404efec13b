#pragma once

#include <cstdint>
#include <memory>

#include "absl/time/time.h"
#include "tests/bench/child_process.h"

namespace atrium::bench {

// The limit of unary Emit: a callback-API RoomService whose Emit answers at once, with all the fields that Atrium
// answers with. Serves on a free port of 127.0.0.1 until SIGTERM.
int ServeUnaryEcho();

// Unary Emits into a room without members, on the callback API: 64 in flight on 4 connections.
class UnaryLoad {
 public:
  // Atrium has the room afterwards.
  UnaryLoad(const ChildProcess& server, bool create_room);
  ~UnaryLoad();

  // Returns calls per second of the server's CPU time.
  double Run(absl::Duration duration);

 private:
  struct Calls;
  const ChildProcess& server_;
  std::unique_ptr<Calls> calls_;
};

}  // namespace atrium::bench
