#pragma once

#include <google/protobuf/message.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/engine/room_log.h"
#include "server/live/journal.h"
#include "server/live/room_record.pb.h"
#include "server/live/room_type.h"

namespace atrium {

// A durable room as the log has it.
struct RestoredRoom {
  // As of the newest record; `state` and `meta` are beside it.
  RoomSnapshot room;
  std::unique_ptr<google::protobuf::Message> state, meta;
  // The last frames, in their order.
  std::vector<StoredFrame> history;
  Journal::Start log;
};

// Puts a room together from its snapshot and the records behind that. DATA_LOSS, with what is wrong, if they do not fit
// together, or not `type`.
absl::StatusOr<RestoredRoom> RestoreRoom(const RoomTypeInfo& type, const StoredRoom& stored);

}  // namespace atrium
