#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/wire/patch.h"

namespace atrium {

// Returns OK if a state that has `size` may change so: RESOURCE_EXHAUSTED if the change is larger than a step may make
// (StateChange::TooLarge), nests deeper than kMaxJsonDepth, or lets the state grow beyond `max_json_bytes` of JSON (0:
// no limit) or kMaxProtoBytes of protobuf. `owner` is "Room" or "Component", for the error.
absl::Status CheckStateChange(const StateChange& change, const ValueSize& size, size_t max_json_bytes,
                              absl::string_view owner);

}  // namespace atrium
