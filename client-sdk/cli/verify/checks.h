#pragma once

#include <vector>

#include "client-sdk/cli/verify/checker.h"
#include "client-sdk/cli/verify/index.h"

// The parts of Check. Each adds what it finds.
namespace atrium::verify {

// Checks for one order, no gap, no duplicate, and nothing that is not for the client; a recovery begins where the
// client was.
void CheckStreams(const Index& index, Counts& counts, std::vector<Violation>& violations);
// Checks that states at equal offsets are equal: the clients' own copies, snapshots and answers.
void CheckStates(const Index& index, Counts& counts, std::vector<Violation>& violations);
// Checks acknowledged, refused, repeated and conditional writes.
void CheckWrites(const Index& index, Counts& counts, std::vector<Violation>& violations);
// Checks the capacity of rooms, and the epochs of durable ones.
void CheckRooms(const Index& index, std::vector<Violation>& violations);

}  // namespace atrium::verify
