#pragma once

#include <functional>
#include <memory>
#include <string>

#include "tests/bench/child_process.h"
#include "tests/bench/fanout.h"
#include "tests/bench/loop.h"

namespace atrium::bench {

// How Atrium and the limit of WebSocket fan-out are started; `event` is what ServeBareSender sends.
struct CrowdServers {
  std::function<std::unique_ptr<ChildProcess>()> atrium;
  std::function<std::unique_ptr<ChildProcess>(const std::string& event)> bare;
};

// Runs `measure` with the same crowd at both, opened, which end afterwards: Atrium's first, because the bare sender
// sends what Atrium sent.
void WithCrowds(Loop& loop, const CrowdServers& servers, const Shape& shape,
                const std::function<void(Crowd& atrium, Crowd& bare)>& measure);

}  // namespace atrium::bench
