#pragma once

#include "tests/bench/child_process.h"

namespace atrium::bench {

// What services put into their rooms.
enum class SmallRoom {
  kUntyped,  // SetState {"n":1}
  kCounter,  // Call counter:<n> increment
};

// Bytes of resident memory for each of `rooms` rooms without members, which a service makes over gRPC. The first of
// them, which find the process cold, are not counted.
double ResidentBytesPerRoom(const ChildProcess& server, SmallRoom kind, int rooms);

}  // namespace atrium::bench
