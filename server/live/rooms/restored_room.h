#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/common/steady_time.h"
#include "server/engine/room_log.h"
#include "server/live/authoring/room_behaviour.h"
#include "server/live/authoring/room_type.h"
#include "server/live/rooms/journal.h"
#include "server/live/rooms/room_record.pb.h"

namespace atrium {

// A durable room as the log has it.
struct RestoredRoom {
  // This is as of the newest record; state and meta are in `behaviour`.
  RoomSnapshot room;
  std::unique_ptr<RoomBehaviour> behaviour;
  // These are the last frames, in their order.
  std::vector<StoredFrame> history;
  Journal::Start log;
  // Something last happened in it at this time.
  SteadyTime last_activity;
};

// Returns a room put together from its snapshot and the records behind that. DATA_LOSS, with what is wrong, if they do
// not fit together, or do not fit `type`.
absl::StatusOr<RestoredRoom> RestoreRoom(const RoomTypeInfo& type, const StoredRoom& stored, const Moment& now);

}  // namespace atrium
