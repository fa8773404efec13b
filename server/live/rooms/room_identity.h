#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace atrium {

// Returns what names the room of that epoch in frames (FrameOrigin): FNV-1a of 64 bits, the same in each process, but
// for 0, which names no room. Keys are only compared among the rooms of one session. Two of n rooms have the same with
// a probability of n^2 / 2^65, which is 4e-16 for 128 rooms; that their epochs themselves, of 60 random bits, are the
// same is more likely.
constexpr uint64_t RoomKey(absl::string_view epoch) {
  uint64_t key = 0xcbf29ce484222325;
  for (const char c : epoch) key = (key ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return key == 0 ? 1 : key;
}

// A room as others name it, wherever they are.
struct RoomIdentity {
  std::string id;
  std::string epoch;
  // RoomKey of the epoch names the room in frames (FrameOrigin).
  uint64_t key = 0;
};

}  // namespace atrium
