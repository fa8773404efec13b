#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "atrium/v1/frames.pb.h"

namespace atrium::cli {

// A position is written `epoch:offset`.
std::string Text(const v1::Position& position);
// Reads one. INVALID_ARGUMENT names `flag`.
absl::StatusOr<v1::Position> ReadPosition(absl::string_view flag, absl::string_view text);

// Return the offset and the room of an event, patch or member change; 0 and empty for other frames, and 0 for an event
// that is not recorded.
uint64_t OffsetOf(const v1::ServerFrame& frame);
const std::string& RoomOf(const v1::ServerFrame& frame);

// Returns a frame on one line: position, kind, and what it says. `epoch` is that of the room.
std::string Text(const v1::ServerFrame& frame, absl::string_view epoch);

// Returns the rooms as rows under their heads, a line each.
std::string Text(const v1::ListRoomsResponse& rooms);
std::string Text(const v1::GetStatsResponse& stats);

}  // namespace atrium::cli
