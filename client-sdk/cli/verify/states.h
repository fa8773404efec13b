#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "client-sdk/cli/verify/history.h"

namespace atrium::verify {

// The states that clients have of a room, each once: equal states have equal numbers. Many clients apply the same patch
// to the same state; it is worked out once for all of them.
class States {
 public:
  using Id = int;

  Id Add(json::value state);
  // Returns the state that `patch` makes of `before`. INVALID_ARGUMENT if it does not fit, NOT_FOUND if `before` is so
  // old that its value is not kept any more.
  absl::StatusOr<Id> Apply(Id before, const FramePtr& patch);
  // Returns nothing when it is not kept any more.
  std::string Text(Id id) const;

 private:
  // Clients are rarely further apart; those that are take the way that others took before them.
  static constexpr size_t kKept = 512;

  std::map<std::string, Id> ids_;  // by digest
  std::map<std::pair<Id, const v1::ServerFrame*>, Id> made_;
  std::map<Id, json::value> values_;
  std::deque<Id> recent_;
};

}  // namespace atrium::verify
