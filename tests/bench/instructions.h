#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/loop.h"

namespace atrium::bench {

// Instructions in user space that a server takes for an emit and its one delivery: rooms of two members over
// WebSocket, one publish at a time, under valgrind's callgrind. `command` starts Atrium. The kernel's part is not in
// it, nor is any other load of the machine. Works in a new directory below `directory`, and keeps callgrind's dump as
// the file `kept`. Fails the program if there is no valgrind.
int64_t InstructionsPerDelivery(Loop& loop, std::vector<std::string> command, const std::string& directory,
                                const std::string& kept);

}  // namespace atrium::bench
