#pragma once

#include <cstddef>

#include "absl/time/time.h"
#include "server/common/counter.h"
#include "server/live/rooms/history.h"

namespace atrium {

// What the server says of all of its rooms.
struct RoomSettings {
  // The state's JSON has so many bytes at most; 0 limits nothing. Its protobuf form has kMaxProtoBytes at most in any
  // case.
  size_t max_state_bytes = 1 << 20;
  // A room without members is kept for so long, unless its type says otherwise.
  absl::Duration empty_ttl = absl::Minutes(5);
  // A room keeps so much for those who missed some, unless its type says otherwise.
  HistoryLimits history;
  // A durable room in which nothing happens is kept for so long; 0 means for ever.
  absl::Duration durable_ttl = absl::Hours(30 * 24);
  // A member may be without a connection for so long, unless its type says otherwise.
  absl::Duration resume_window = absl::Seconds(15);
  // Frames of more bytes are compressed for those who take that; with 0 none are.
  size_t compress_above = 1024;
};

// What the rooms of one type on one shard have done. The shard counts; any thread reads.
struct RoomCounters {
  Counter rooms;
  Counter members;
  Counter events;
  // This counts frames that were handed to sessions.
  Counter deliveries;
  // Of those who named a position, so many got what they missed since, and so many got everything anew.
  Counter recovered;
  Counter not_recovered;
  // This counts steps that took kSlowStep or longer.
  Counter slow_steps;
};

}  // namespace atrium
