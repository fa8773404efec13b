#pragma once

#include <string>

#include "absl/random/bit_gen_ref.h"
#include "absl/strings/string_view.h"

namespace atrium {

// `s<shard>-<32 hex digits>`: tells on which shard the session lives.
std::string NewSessionId(int shard, absl::BitGenRef random);

// -1 if `id` names none of `shards` shards.
int ShardOfSession(absl::string_view id, int shards);

}  // namespace atrium
