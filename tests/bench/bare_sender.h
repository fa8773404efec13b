#pragma once

#include <string>

namespace atrium::bench {

// The limit of WebSocket fan-out: serves on a free port of 127.0.0.1 until SIGTERM.
//
// A connection first says its group (four bytes, as they lie in memory), which is answered as a join is, then publishes
// masked WebSocket frames. A publish of n bytes whose data ends three bytes before its end is answered by `event`, the
// text of an event frame of Atrium with the data put in, to all others of the group. Nothing is parsed but the frame's
// length; the frames of a turn of the loop are joined once for a group, and each member gets them by one system call.
int ServeBareSender(const std::string& event);

}  // namespace atrium::bench
