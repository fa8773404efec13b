#pragma once

#include "server/live/room.h"
#include "server/wire/frames.h"

namespace atrium {

// The `snapshot` frame of an admission that nobody asked for in a request.
inline FramePtr MakeSnapshot(const Admission& admission, Encoding encoding) {
  const v1::JoinResponse& joined = admission.response;
  v1::ServerFrame frame;
  v1::Snapshot& snapshot = *frame.mutable_snapshot();
  snapshot.set_recovered(joined.recovered());
  *snapshot.mutable_room() = joined.room();
  snapshot.set_member_id(joined.member_id());
  *snapshot.mutable_position() = joined.position();
  *snapshot.mutable_members() = joined.members();
  return EncodeFrame(frame, encoding, admission.state);
}

}  // namespace atrium
