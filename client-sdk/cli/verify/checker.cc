#include "client-sdk/cli/verify/checker.h"

#include <set>
#include <utility>

#include "client-sdk/cli/verify/checks.h"

namespace atrium::verify {
namespace {

struct Counter {
  Counts& counts;
  void operator()(const Asked&) const {}
  void operator()(const Answered&) const {}
  void operator()(const Entered& entered) const {
    ++(entered.recovered ? counts.joins_recovered : counts.snapshots);
    if (!entered.member_id.empty()) ++counts.joins;
  }
  void operator()(const Saw&) const { ++counts.frames_seen; }
  void operator()(const Knows&) const {}
  void operator()(const Exited&) const {}
  void operator()(const LostConnection&) const { ++counts.connections_lost; }
  void operator()(const Reconnected& back) const { counts.resumes += back.resumed ? 1 : 0; }
};

}  // namespace

Verdict Check(const History& history) {
  Verdict verdict;
  for (const Record& record : history.records) std::visit(Counter{verdict.counts}, record.what);
  const Index index(history);
  std::vector<Violation> found = index.violations;
  CheckStreams(index, verdict.counts, found);
  CheckStates(index, verdict.counts, found);
  CheckWrites(index, verdict.counts, found);
  CheckRooms(index, found);
  std::set<std::pair<Promise, std::string>> told;
  for (Violation& violation : found) {
    ++verdict.broken[static_cast<size_t>(violation.promise)];
    if (told.emplace(violation.promise, violation.room).second) verdict.violations.push_back(std::move(violation));
  }
  return verdict;
}

}  // namespace atrium::verify
