#pragma once

#include "server/wire/json.h"
#include "server/wire/patch.h"

namespace atrium {

// Returns what the RFC 7396 merge patch `merge` changes of `state`. Keys whose value stays are left out, so an empty
// patch means no change; a list costs what changed in it, not its length. If `merge` has more than kMaxChangeValues, or
// more than kMaxChangeOperations come of it, the change is TooLarge().
StateChange ChangeFromMerge(const json::object& state, const json::object& merge);

// Changes `state` as the merge patch says.
void Merge(json::object& state, const json::object& merge);

}  // namespace atrium
