#pragma once

#include <vector>

#include "client-sdk/cli/verify/checker.h"
#include "client-sdk/cli/verify/index.h"

// The parts of Check. Each adds what it finds.
namespace atrium::verify {

// One order, no gap, no duplicate, nothing that is not for the client; recovery begins where the client was.
void CheckStreams(const Index& index, Counts& counts, std::vector<Violation>& violations);
// Equal state at equal offset: the clients' own copies, snapshots and answers.
void CheckStates(const Index& index, Counts& counts, std::vector<Violation>& violations);
// Acknowledged, refused, repeated and conditional writes.
void CheckWrites(const Index& index, Counts& counts, std::vector<Violation>& violations);
// Capacity, and the epochs of durable rooms.
void CheckRooms(const Index& index, std::vector<Violation>& violations);

}  // namespace atrium::verify
