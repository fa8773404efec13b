#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "client-sdk/cli/verify/history.h"
#include "client-sdk/cli/verify/violation.h"

namespace atrium::verify {

// What was looked at.
struct Counts {
  int64_t frames_seen = 0;
  int64_t frames_of_rooms = 0;
  int64_t snapshots = 0;
  int64_t states_compared = 0;
  int64_t writes_asked = 0;
  int64_t writes_acknowledged = 0;
  // Of these writes, somebody saw the frame of so many, and nobody could look any more at the place of so many.
  int64_t writes_seen = 0;
  int64_t writes_out_of_reach = 0;
  int64_t writes_refused = 0;
  // So many were asked once or more, and never answered.
  int64_t writes_in_doubt = 0;
  int64_t writes_repeated = 0;
  int64_t conditional_won = 0;
  int64_t conditional_lost = 0;
  int64_t joins = 0;
  int64_t joins_recovered = 0;
  int64_t joins_refused = 0;
  int64_t resumes = 0;
  int64_t connections_lost = 0;
  int64_t epochs = 0;
};

struct Verdict {
  Counts counts;
  // So many violations of each promise were found.
  std::array<int64_t, kPromises> broken{};
  // These are the first of each promise and room.
  std::vector<Violation> violations;
  bool ok() const { return violations.empty(); }
};

// Holds a history against the promises of the server. It is a pure function.
Verdict Check(const History& history);

}  // namespace atrium::verify
