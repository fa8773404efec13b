#include "server/session/room_frames.h"

namespace atrium {

FrameOrigin OriginOf(const Admission& admission, FrameOrigin::Kind kind) {
  return {.room = admission.channel->room().key, .offset = admission.response.position().offset(), .kind = kind};
}

FramePtr MakeSnapshot(const Admission& admission, EncodingSet encoding) {
  const v1::JoinResponse& joined = admission.response;
  v1::ServerFrame frame;
  v1::Snapshot& snapshot = *frame.mutable_snapshot();
  snapshot.set_recovered(joined.recovered());
  *snapshot.mutable_room() = joined.room();
  snapshot.set_member_id(joined.member_id());
  *snapshot.mutable_position() = joined.position();
  *snapshot.mutable_members() = joined.members();
  return EncodeFrame(frame, encoding, admission.state, OriginOf(admission, FrameOrigin::Kind::kSnapshot));
}

FramePtr MakeLeft(const Departures::Departure& gone, Encoding encoding) {
  v1::ServerFrame frame;
  frame.mutable_left()->set_room_id(gone.room_id);
  frame.mutable_left()->set_member_id(gone.member_id);
  frame.mutable_left()->set_reason(gone.reason);
  return EncodeFrame(frame, encoding, {},
                     {.room = gone.room, .offset = gone.component, .kind = FrameOrigin::Kind::kLeft});
}

}  // namespace atrium
