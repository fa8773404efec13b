#pragma once

#include <string>

namespace atrium::bench {

// The limits of Connect streams, on the callback API of the same gRPC. Each serves on a free port of 127.0.0.1 until
// SIGTERM.

// Of publishing: reads ClientFrames and answers each frame that has an id at once, a message by a message, with all the
// fields that Atrium answers an emit with.
int ServeStreamEcho();

// Of fan-out, all streams being one group: answers the first message of a stream as a join is answered, and each frame
// of a later one by `event`, a serialised ServerFrames with one event of Atrium, to all other streams. Looks at nothing
// but the frames' lengths and copies the last kStreamDataBytes of each, its data, to where the event has its own. The
// bytes are shared by all streams; what comes while a stream is being written to goes out together as the next message.
// `event` is in base64.
int ServeStreamFanOut(const std::string& event);

}  // namespace atrium::bench
