#pragma once

#include <google/protobuf/message.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/engine/room_log.h"
#include "server/live/room_record.pb.h"

namespace atrium {

// A durable room as the log has it.
struct RestoredRoom {
  // Of the newest record. Its `state` is not set: that is in `state`.
  RoomSnapshot room;
  std::unique_ptr<google::protobuf::Message> state;
  // The last frames, in their order.
  std::vector<StoredFrame> history;
  uint64_t last_sequence = 0;
  // Of the snapshot, and of the records behind it.
  size_t snapshot_bytes = 0;
  size_t log_bytes = 0;
};

// Puts a room together from its snapshot and the records behind that. `state` is an empty message of its state's type.
// DATA_LOSS if they do not fit together or not that type: with what is wrong.
absl::StatusOr<RestoredRoom> RestoreRoom(const StoredRoom& stored, std::unique_ptr<google::protobuf::Message> state);

// A frame of a history, whose room id and offset it tells. DATA_LOSS if it is none.
absl::StatusOr<uint64_t> OffsetOf(const StoredFrame& frame);

}  // namespace atrium
