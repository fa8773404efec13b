#pragma once

#include <string>
#include <vector>

namespace atrium::bench {

// What Atrium sends to clients that arrive, as texts of its frames.
struct DoorTexts {
  std::string welcome;
  // What tells a room's members of one more.
  std::string member;
  // The answer to a join, by how many members are in the room already.
  std::vector<std::string> joined;
};

// The limit of arrivals: serves on a free port of 127.0.0.1 until SIGTERM.
//
// A connection's first bytes are answered by the head of a WebSocket handshake, as many bytes as Atrium's; the next by
// the welcome; the next, whose last run of digits names a room, by the answer to a join, which the room's other members
// are told of. Nothing is parsed but those digits; what a turn of the loop has for a socket goes out in one system
// call.
int ServeBareDoor(const DoorTexts& texts);

}  // namespace atrium::bench
