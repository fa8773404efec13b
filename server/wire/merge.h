#pragma once

#include "server/wire/json.h"
#include "server/wire/patch.h"

namespace atrium {

// What the RFC 7396 merge patch `merge` changes of `state`. Keys whose value stays are left out, so an empty patch
// means no change; a list costs what changed in it, not its length.
StateChange ChangeFromMerge(const json::object& state, const json::object& merge);

// Makes that change.
void Merge(json::object& state, const json::object& merge);

}  // namespace atrium
