#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace atrium {

// Rooms fall into so many parts, each of which has one place.
inline constexpr int kPartitions = 1024;

// Returns the part that a room falls into, from 0 to kPartitions - 1. It is the same on every machine and in every
// version, because programs of several versions are to agree on it. FNV-1a of 64 bits takes few instructions for short
// ids; the finaliser of MurmurHash3 mixes its low bits with the rest.
constexpr int Partition(absl::string_view room_id) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : room_id) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccd;
  hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53;
  return static_cast<int>((hash ^ hash >> 33) % kPartitions);
}

// Returns which of so many shards of this process has the rooms of a part.
constexpr int ShardOfPartition(int partition, size_t shards) {
  return static_cast<int>(static_cast<size_t>(partition) % shards);
}

}  // namespace atrium
