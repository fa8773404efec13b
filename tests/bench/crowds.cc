#include "tests/bench/crowds.h"

namespace atrium::bench {

void WithCrowds(Loop& loop, const CrowdServers& servers, const Shape& shape,
                const std::function<void(Crowd& atrium, Crowd& bare)>& measure) {
  const std::unique_ptr<ChildProcess> atriumd = servers.atrium();
  Crowd atrium(loop, *atriumd, atriumd->Port("http"), Opening::kWebSocket, shape);
  atrium.Open();
  const std::unique_ptr<ChildProcess> sender = servers.bare(atrium.last_event());
  Crowd bare(loop, *sender, sender->Port("tcp"), Opening::kGroup, shape);
  bare.Open();
  measure(atrium, bare);
}

}  // namespace atrium::bench
