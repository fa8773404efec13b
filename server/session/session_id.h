#pragma once

#include <string>

#include "absl/random/bit_gen_ref.h"
#include "absl/strings/string_view.h"

namespace atrium {

// `s<shard>-<12 characters of 6 random bits>`: tells on which shard the session lives. Names it to everybody in its
// rooms and proves nothing. Of a shard below 10 it is so short that a std::string holds it without an allocation: it
// stands in every event.
std::string NewSessionId(int shard, absl::BitGenRef random);

// -1 if `id` names none of `shards` shards.
int ShardOfSession(absl::string_view id, int shards);

}  // namespace atrium
