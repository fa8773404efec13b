#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "client-sdk/cli/verify/history.h"

namespace atrium::verify {

enum class Promise {
  kOneOrder,
  kNoGap,
  kNoDuplicate,
  kEqualState,
  kAcknowledged,
  kOnce,
  kConditional,
  kCapacity,
  kPrivate,
  kRecovery,
  kDurable,
};
inline constexpr int kPromises = 11;

// Returns what is promised, in a line.
const char* Text(Promise promise);

// A promise that was broken, and what shows it: as few records as that takes, in their order.
struct Violation {
  Promise promise;
  std::string room;
  std::string what;
  std::vector<size_t> records;
};

// Returns the violation with its records, a line each.
std::string Text(const History& history, const Violation& violation);

}  // namespace atrium::verify
