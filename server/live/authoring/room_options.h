#pragma once

#include <cstddef>
#include <optional>

#include "absl/time/time.h"

namespace atrium {

// What becomes of the frames of a room that wait for a session that does not read. Volatile ones always go first.
enum class SlowPolicy {
  kDisconnect,  // they are put off; who takes hardly anything is closed (3008), and may come back and resume
  kCoalesce,    // one snapshot stands for all of the room's frames that wait
};

// These limits say how much a room keeps for those who missed some. A limit of 0 limits nothing.
struct HistoryLimits {
  int frames = 1000;
  // This counts memory: the frames in the encodings that they were sent in, or asked for in since, and what is kept of
  // each.
  size_t bytes = 1 << 20;
  absl::Duration age = absl::Minutes(5);
};

// What a room class says of its rooms.
struct RoomOptions {
  // A room holds at most so many members; 0 means no limit.
  int max_members = 0;
  // If true, state, meta and history are kept in the server's log (--data-dir), across restarts, until the room is
  // destroyed or nothing has happened in it for --durable-ttl. What was acknowledged or shown is on disk.
  bool durable = false;
  // An empty room is kept for so long; a durable one is in memory for so long. If it is not set, the server's
  // --empty-ttl holds.
  std::optional<absl::Duration> empty_ttl;
  // With 0, each step's change of the state goes out at once, as one patch. Otherwise the changes of so long a time go
  // out together, and a recorded event sends them before itself, which is for rooms that change many times a second.
  absl::Duration patch_interval = absl::ZeroDuration();
  // In a room of more than 32 members, who comes and goes is told together at this interval; with 0, each is told at
  // once.
  absl::Duration presence_interval = absl::Milliseconds(100);
  // In a room of more members than this, only their count is told; ListMembers tells who they are.
  int presence_list_limit = 200;
  // A room keeps so much for those who missed some. If it is not set, the server's --history-frames and the like hold.
  std::optional<HistoryLimits> history;
  // A member may be without a connection for so long before it is taken out. If it is not set, the server's
  // --resume-window holds.
  std::optional<absl::Duration> resume_window;
  // A hook may take so long; 0 means for ever.
  absl::Duration hook_deadline = absl::Seconds(5);
  SlowPolicy slow_policy = SlowPolicy::kDisconnect;
  // Whether ListRooms shows the rooms of this type.
  bool listed = true;
};

}  // namespace atrium
