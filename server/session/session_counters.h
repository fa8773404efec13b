#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "server/common/counter.h"
#include "server/session/close_code.h"
#include "server/session/reader_kind.h"
#include "server/wire/encoding.h"

namespace atrium {

// What was done about a client that reads too slowly.
enum class SlowAction { kVolatile, kCoalesce, kDisconnect };
inline constexpr int kSlowActions = 3;

// What the sessions of one shard have done. The arrays are indexed by Encoding, kCloseCodes, canonical code, ReaderKind
// and SlowAction. The shard writes them, and any thread may read them.
struct SessionCounters {
  std::array<Counter, kEncodings> connections;  // open now
  std::array<Counter, kEncodings> sessions;     // alive now, detached ones by their last connection
  Counter detached;                             // without a connection now
  Counter resumed;
  Counter not_resumed;  // though they had a token
  std::array<Counter, kEncodings> requests;
  std::array<Counter, kCloseCodes.size()> closes;
  std::array<Counter, 17> errors;
  std::array<Counter, kReaderKinds> observers;  // now
  std::array<Counter, kSlowActions> slow;
  Counter volatile_drops;  // frames
  Counter components;      // mounted now
  // These count the bytes of frames that were queued compressed, before and after that.
  Counter deflated_from_bytes;
  Counter deflated_to_bytes;

  // Returns how many WebSockets are open now.
  int64_t websockets() const {
    int64_t sum = 0;
    for (const EncodingTraits& traits : kEncodingTable) {
      if (IsWebSocketMessage(traits.framing)) sum += connections[static_cast<size_t>(traits.encoding)].value();
    }
    return sum;
  }

  void CountClose(CloseCode code) {
    closes[std::find(kCloseCodes.begin(), kCloseCodes.end(), code) - kCloseCodes.begin()].Add(1);
  }
  void CountSlow(SlowAction action) { slow[static_cast<int>(action)].Add(1); }
  void CountVolatileDrops(size_t frames) {
    CountSlow(SlowAction::kVolatile);
    volatile_drops.Add(static_cast<int64_t>(frames));
  }
};

}  // namespace atrium
