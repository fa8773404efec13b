#pragma once

namespace atrium::bench {

// atriumd with the rooms of bench_rooms.h in place of those that ship. `argv` is that of atriumd. Serves until SIGTERM.
int ServeAtrium(int argc, const char* const* argv);

}  // namespace atrium::bench
