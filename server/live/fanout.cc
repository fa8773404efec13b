#include "server/live/fanout.h"

#include <utility>

namespace atrium {

void Fanout::Remove(const MemberIdentity& member, FramePtr left) {
  Count(member, -1);
  const int index = member.shard->index();
  member.shard->Post([channel = channel_, index, session = member.session, left = std::move(left)] {
    if (Subscriber* subscriber = channel->Remove(index, session)) subscriber->OnRemoved(channel->room_id(), left);
  });
}

int Fanout::SendEvent(Event event, bool is_volatile, const Audience& audience) {
  event.room_id = channel_->room_id();
  event.offset = is_volatile ? 0 : ++offset_;
  return Post(EncodeEvent(event, encodings()), audience);
}

int Fanout::SendPatch(const Patch& patch) {
  ++offset_;
  return Post(EncodePatch(channel_->room_id(), offset_, patch, encodings()), {});
}

int Fanout::SendPresence(v1::MemberChange change) {
  change.set_room_id(channel_->room_id());
  change.set_offset(++offset_);
  v1::ServerFrame frame;
  *frame.mutable_member() = std::move(change);
  return Post(EncodeFrame(frame, encodings()), {});
}

int Fanout::Post(const FramePtr& frame, const Audience& audience) const {
  int sessions = 0;
  for (const ShardMembers& on : members_on_) {
    if (on.count == 0) continue;
    sessions += on.count;
    on.shard->Post(
        [channel = channel_, index = on.shard->index(), frame, audience] { channel->Deliver(index, frame, audience); });
  }
  const int named = static_cast<int>(audience.sessions.size());
  if (audience.kind == Audience::Kind::kExcept) return sessions - named;
  return audience.kind == Audience::Kind::kOnly ? named : sessions;
}

void Fanout::Count(const MemberIdentity& member, int n) {
  members_with_[static_cast<int>(member.encoding)] += n;
  ShardMembers& on = members_on_[member.shard->index()];
  on.shard = member.shard;
  on.count += n;
}

EncodingSet Fanout::encodings() const {
  EncodingSet set;
  for (int i = 0; i < kEncodings; ++i) {
    if (members_with_[i] > 0) set.Add(static_cast<Encoding>(i));
  }
  return set;
}

}  // namespace atrium
