#pragma once

#include "server/live/rooms/admission.h"
#include "server/session/departures.h"
#include "server/wire/frames.h"

namespace atrium {

// These are the frames about rooms that the session's shard makes, for one session or reader.

// Returns the origin of a frame that is made of an admission.
FrameOrigin OriginOf(const Admission& admission, FrameOrigin::Kind kind);

// Returns the `snapshot` of a room, as one who joins it is told.
FramePtr MakeSnapshot(const Admission& admission, EncodingSet encoding);

// Returns the `left` that tells of a departure.
FramePtr MakeLeft(const Departures::Departure& gone, Encoding encoding);

}  // namespace atrium
