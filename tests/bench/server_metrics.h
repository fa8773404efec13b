#pragma once

#include "absl/strings/string_view.h"
#include "tests/bench/child_process.h"

namespace atrium::bench {

// One number without labels of what Atrium says of itself (/metrics).
double MetricOf(const ChildProcess& server, absl::string_view name);

}  // namespace atrium::bench
