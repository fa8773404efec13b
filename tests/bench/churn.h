#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/bench/crowds.h"
#include "tests/bench/statistics.h"

namespace atrium::bench {

// How late the frames of two members come who chat, while a service makes `rooms` untyped rooms and then destroys them
// all, beside a time of quiet. `notes` gets what it was meanwhile at the bare sender, with two of its own: what the
// machine does to anybody.
std::vector<Figure> MeasureChurn(const CrowdServers& servers, int rooms, int rounds, absl::Duration quiet,
                                 std::vector<std::string>& notes);

}  // namespace atrium::bench
