#include "server/live/fanout.h"

#include <algorithm>
#include <utility>

namespace atrium {

bool Fanout::Add(const MemberIdentity& member) {
  if (member.component != 0) ++components_;
  SessionMembers& session = members_of_.try_emplace(member.session, SessionMembers{0, member.encoding}).first->second;
  if (++session.members == 2) ++shared_sessions_;
  if (session.members > 1) return false;
  Count(member.shard, member.encoding, 1, 0);
  return true;
}

void Fanout::Recode(const MemberIdentity& member) {
  Encoding& encoding = members_of_.at(member.session).encoding;
  Count(member.shard, encoding, -1, 0);
  encoding = member.encoding;
  Count(member.shard, encoding, 1, 0);
}

void Fanout::Remove(const MemberIdentity& member, v1::LeaveReason reason, FramePtr left) {
  if (member.component != 0) --components_;
  const auto it = members_of_.find(member.session);
  const bool last = --it->second.members == 0;
  if (it->second.members == 1) --shared_sessions_;
  if (last) {
    Count(member.shard, it->second.encoding, -1, 0);
    members_of_.erase(it);
  }
  WhenStored([channel = channel_, shard = member.shard, session = member.session, last,
              removal = Removal{member.component, reason, std::move(left)}] {
    shard->Post([channel, index = shard->index(), session, last, removal] {
      if (removal.component != 0) channel->RemoveListener(index, removal.component);
      Subscriber* const subscriber = last ? channel->Remove(index, session) : channel->Find(index, session);
      if (subscriber != nullptr) subscriber->OnRemoved(channel->room_id(), removal);
    });
  });
}

void Fanout::RemoveObserver(const ObserverIdentity& observer) {
  Count(observer.shard, observer.encoding, 0, -1);
  observer.shard->Post([channel = channel_, index = observer.shard->index(), key = observer.key] {
    Subscriber* const subscriber = channel->Remove(index, key);
    if (subscriber != nullptr) subscriber->OnRemoved(channel->room_id(), {});
  });
}

void Fanout::Restore(uint64_t offset, const std::vector<StoredFrame>& history) {
  offset_ = offset;
  const auto size = static_cast<uint64_t>(history.size());
  history_.StartBehind(offset - size);
  for (uint64_t i = 0; i < size; ++i) {
    const StoredFrame& frame = history[i];
    Audience audience;
    if (frame.targeted()) audience.kind = Audience::Kind::kOnly;
    history_.Add(MakeFrame(frame.frames(), {.room = channel_->room().key, .offset = offset - size + 1 + i}),
                 std::move(audience), absl::FromUnixMillis(frame.time()));
  }
}

template <typename PostTask>
void Fanout::WhenStored(PostTask post) const {
  if (journal_ == nullptr || journal_->all_stored()) return post();
  journal_->WhenStored([post = std::move(post)](const absl::Status& status) {
    if (status.ok()) post();
  });
}

Audience Fanout::AllBut(const Members& members) const {
  Audience audience{.kind = members.empty() ? Audience::Kind::kAll : Audience::Kind::kExcept};
  // A session is left out when each of its members is.
  absl::InlinedVector<SessionKey, 2> sessions;
  for (const MemberIdentity* member : members) {
    sessions.push_back(member->session);
    if (member->component != 0) audience.keys.push_back(member->component);
  }
  std::sort(sessions.begin(), sessions.end());
  for (auto it = sessions.begin(); it != sessions.end();) {
    const auto end = std::upper_bound(it, sessions.end(), *it);
    if (shared_sessions_ == 0 || end - it == members_of_.at(*it).members) {
      audience.keys.push_back(*it);
      ++audience.sessions;
    }
    it = end;
  }
  std::sort(audience.keys.begin(), audience.keys.end());
  return audience;
}

Audience Fanout::Only(const Members& members) const {
  Audience audience{.kind = Audience::Kind::kOnly};
  for (const MemberIdentity* member : members) audience.keys.push_back(member->session);
  std::sort(audience.keys.begin(), audience.keys.end());
  audience.keys.erase(std::unique(audience.keys.begin(), audience.keys.end()), audience.keys.end());
  audience.sessions = static_cast<int>(audience.keys.size());
  for (const MemberIdentity* member : members) {
    if (member->component != 0) audience.keys.push_back(member->component);
  }
  std::sort(audience.keys.begin(), audience.keys.end());
  return audience;
}

int Fanout::SendEvent(Event event, bool is_volatile, const Audience& audience) {
  event.room_id = channel_->room_id();
  if (!is_volatile) event.origin = NextOrigin();
  Delivery delivery{.frame = EncodeEvent(event, encodings()), .audience = audience};
  if (components_ > 0) {
    delivery.heard = std::make_shared<HeardEvent>(HeardEvent{
        .event = std::string(event.event),
        .data = event.data,
        .sender_id = std::string(event.sender_id),
        .sender_user_id = std::string(event.sender_user_id),
        .time = event.time,
    });
  }
  return is_volatile ? Post(std::move(delivery)) : Record(std::move(delivery), event.time);
}

int Fanout::SendPatch(const Patch& patch, absl::Time now) {
  return Record({.frame = EncodePatch(channel_->room_id(), NextOrigin(), patch, encodings())}, now);
}

int Fanout::SendPresence(v1::MemberChange change, absl::Time now) {
  const FrameOrigin origin = NextOrigin();
  change.set_room_id(channel_->room_id());
  change.set_offset(origin.offset);
  v1::ServerFrame frame;
  *frame.mutable_member() = std::move(change);
  return Record({.frame = EncodeFrame(frame, encodings(), {}, origin)}, now);
}

int Fanout::Record(Delivery delivery, absl::Time now) {
  if (journal_ != nullptr) {
    StoredFrame stored;
    stored.set_frames(delivery.frame->bytes(Encoding::kGrpc));
    stored.set_targeted(!delivery.audience.is_public());
    stored.set_time(absl::ToUnixMillis(now));
    journal_->Add(std::move(stored), offset_);
  }
  history_.Add(delivery.frame, delivery.audience, now);
  return Post(std::move(delivery));
}

int Fanout::Post(Delivery delivery) const {
  if (journal_ != nullptr && journal_->lost()) return 0;
  const Audience::Kind kind = delivery.audience.kind;
  const int named = delivery.audience.sessions;
  absl::InlinedVector<Shard*, 4> shards;
  int sessions = 0;
  for (const ShardSessions& on : sessions_on_) {
    if (on.sessions + on.observers == 0) continue;
    sessions += on.sessions;
    shards.push_back(on.shard);
  }
  WhenStored(
      [channel = channel_, shards = std::move(shards), shared = std::make_shared<const Delivery>(std::move(delivery))] {
        for (Shard* shard : shards) {
          shard->Post([channel, index = shard->index(), shared] { channel->Deliver(index, *shared); });
        }
      });
  if (kind == Audience::Kind::kExcept) return sessions - named;
  return kind == Audience::Kind::kOnly ? named : sessions;
}

void Fanout::Count(Shard* shard, Encoding encoding, int sessions, int observers) {
  readers_with_[static_cast<int>(encoding)] += sessions + observers;
  ShardSessions& on = sessions_on_[shard->index()];
  on.shard = shard;
  on.sessions += sessions;
  on.observers += observers;
}

EncodingSet Fanout::encodings() const {
  EncodingSet set(deflater_);
  for (int i = 0; i < kEncodings; ++i) {
    if (readers_with_[i] > 0) set.Add(static_cast<Encoding>(i));
  }
  // For the log; or nobody is there, but somebody may come and ask what it was.
  if (journal_ != nullptr || set.empty()) set.Add(Encoding::kGrpc);
  return set;
}

}  // namespace atrium
