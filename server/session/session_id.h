#pragma once

#include <cstdint>
#include <string>

#include "absl/random/bit_gen_ref.h"
#include "absl/strings/string_view.h"
#include "server/common/session_key.h"

namespace atrium {

// Where a session lives: the slot of its node among those of a cluster, and the shard there. A single node has slot 0.
struct SessionHome {
  static constexpr int kSlotBits = 12;
  static constexpr int kShardBits = 8;

  // Returns both as one number, which is that of the shard on a single node.
  constexpr uint32_t Number() const { return static_cast<uint32_t>(slot) << kShardBits | static_cast<uint32_t>(shard); }

  int slot = 0;
  int shard = 0;
};

// Gives out the keys of one shard's sessions, components and observers, which are unique in all of a cluster: a key is
// the number of its home, then a count. One thread at a time may use it.
class SessionKeys {
 public:
  static constexpr int kCountBits = 44;
  static_assert(SessionHome::kSlotBits + SessionHome::kShardBits + kCountBits == 8 * sizeof(SessionKey));

  explicit constexpr SessionKeys(SessionHome home) : last_(SessionKey{home.Number()} << kCountBits) {}

  constexpr SessionKey Next() { return ++last_; }

 private:
  SessionKey last_;
};

// What follows holds a key to its layout: no bit of the slot is taken on a single node, and none of the shard's by it.
static_assert(SessionKeys({.slot = 0, .shard = 255}).Next() >> (SessionKeys::kCountBits + SessionHome::kShardBits) ==
              0);
static_assert(SessionKeys({.slot = 4095, .shard = 255}).Next() >> SessionKeys::kCountBits == 0xFFFFF);

// Returns `s<number of the home>-<12 characters of 6 random bits>`. The id tells where the session lives; it names the
// session to everybody in its rooms, and proves nothing. It stands in every event, so it is short: for a number below
// 10 a std::string holds it without an allocation.
std::string NewSessionId(SessionHome home, absl::BitGenRef random);

// Returns the shard on which the session lives, if that is one of this node's `shards`, and -1 if it is not, or if
// `id` is none. The node has slot 0.
int ShardOfSession(absl::string_view id, int shards);

}  // namespace atrium
