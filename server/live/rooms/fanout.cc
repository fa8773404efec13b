#include "server/live/rooms/fanout.h"

#include <algorithm>
#include <utility>

namespace atrium {

Fanout::Readers& Fanout::readers() {
  if (readers_ == nullptr) readers_ = std::make_unique<Readers>(room_, env_);
  return *readers_;
}

void Fanout::ForgetReaders() {
  if (readers_->count == 0) readers_ = nullptr;
}

bool Fanout::Add(const MemberIdentity& member) {
  Readers& readers = this->readers();
  if (member.component != 0) ++readers.components;
  SessionMembers& session =
      readers.members_of.try_emplace(member.session, SessionMembers{0, member.encoding}).first->second;
  if (++session.members == 2) ++readers.shared_sessions;
  if (session.members > 1) return false;
  readers.Count(member.site, member.encoding, 1, 0);
  return true;
}

void Fanout::Recode(const MemberIdentity& member) {
  Encoding& encoding = readers_->members_of.at(member.session).encoding;
  readers_->Count(member.site, encoding, -1, 0);
  encoding = member.encoding;
  readers_->Count(member.site, encoding, 1, 0);
}

void Fanout::Remove(const MemberIdentity& member, v1::LeaveReason reason, FramePtr left) {
  if (member.component != 0) --readers_->components;
  const auto it = readers_->members_of.find(member.session);
  const bool last = --it->second.members == 0;
  if (it->second.members == 1) --readers_->shared_sessions;
  if (last) {
    readers_->Count(member.site, it->second.encoding, -1, 0);
    readers_->members_of.erase(it);
  }
  PostWhenStored([channel = channel(), site = member.site, session = member.session, last,
                  removal = Removal{member.component, member.id, reason, std::move(left)}] {
    site->Remove(channel, session, last, removal);
  });
  ForgetReaders();
}

void Fanout::RemoveObserver(const ObserverIdentity& observer) {
  readers_->Count(observer.site, observer.encoding, 0, -1);
  observer.site->Remove(channel(), observer.key, /*last=*/true, {});
  ForgetReaders();
}

void Fanout::Restore(uint64_t offset, const std::vector<StoredFrame>& history, const Moment& now) {
  offset_ = offset;
  const auto size = static_cast<uint64_t>(history.size());
  history_.StartBehind(offset - size);
  for (uint64_t i = 0; i < size; ++i) {
    const StoredFrame& frame = history[i];
    Audience audience;
    if (frame.targeted()) audience.kind = Audience::Kind::kOnly;
    history_.Add(MakeFrame(frame.frames(), {.room = room_.key, .offset = offset - size + 1 + i}), std::move(audience),
                 now.ToSteady(absl::FromUnixMillis(frame.time())));
  }
}

template <typename PostTask>
void Fanout::PostWhenStored(PostTask post) const {
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
    const bool shared = readers_ != nullptr && readers_->shared_sessions > 0;
    if (!shared || end - it == readers_->members_of.at(*it).members) {
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

int Fanout::SendEvent(Event event, bool is_volatile, const Audience& audience, SteadyTime now) {
  event.room_id = room_.id;
  if (!is_volatile) event.origin = NextOrigin();
  Delivery delivery{.frame = EncodeEvent(event, encodings()), .audience = audience};
  if (readers_ != nullptr && readers_->components > 0) {
    delivery.heard = std::make_shared<HeardEvent>(HeardEvent{
        .event = std::string(event.event),
        .data = event.data,
        .sender_id = std::string(event.sender_id),
        .sender_user_id = std::string(event.sender_user_id),
        .time = event.time,
    });
  }
  return is_volatile ? Post(std::move(delivery)) : Record(std::move(delivery), {.wall = event.time, .steady = now});
}

int Fanout::SendPatch(const Patch& patch, const Moment& now) {
  return Record({.frame = EncodePatch(room_.id, NextOrigin(), patch, encodings())}, now);
}

int Fanout::SendPresence(v1::MemberChange change, const Moment& now) {
  const FrameOrigin origin = NextOrigin();
  change.set_room_id(room_.id);
  change.set_offset(origin.offset);
  v1::ServerFrame frame;
  *frame.mutable_member() = std::move(change);
  return Record({.frame = EncodeFrame(frame, encodings(), {}, origin)}, now);
}

int Fanout::Record(Delivery delivery, const Moment& now) {
  if (journal_ != nullptr) {
    StoredFrame stored;
    stored.set_frames(delivery.frame->bytes(Encoding::kGrpc));
    stored.set_targeted(!delivery.audience.is_public());
    stored.set_time(absl::ToUnixMillis(now.wall));
    journal_->Add(std::move(stored), offset_);
  }
  history_.Add(delivery.frame, delivery.audience, now.steady);
  return Post(std::move(delivery));
}

int Fanout::Post(Delivery delivery) const {
  if (readers_ == nullptr || (journal_ != nullptr && journal_->lost())) return 0;
  const Audience::Kind kind = delivery.audience.kind;
  const int named = delivery.audience.sessions;
  absl::InlinedVector<Site*, 4> sites;
  int sessions = 0;
  for (const SiteReaders& on : readers_->on) {
    sessions += on.sessions;
    sites.push_back(on.site);
  }
  PostWhenStored([channel = readers_->channel, sites = std::move(sites),
                  shared = std::make_shared<const Delivery>(std::move(delivery))] {
    for (Site* site : sites) site->Deliver(channel, shared);
  });
  if (kind == Audience::Kind::kExcept) return sessions - named;
  return kind == Audience::Kind::kOnly ? named : sessions;
}

void Fanout::Readers::Count(Site* site, Encoding encoding, int sessions, int observers) {
  count += sessions + observers;
  with[static_cast<int>(encoding)] += sessions + observers;
  encodings.Clear();
  for (int i = 0; i < kEncodings; ++i) {
    if (with[i] > 0) encodings.Add(static_cast<Encoding>(i));
  }
  auto here = std::find_if(on.begin(), on.end(), [&](const SiteReaders& readers) { return readers.site == site; });
  if (here == on.end()) here = on.insert(on.end(), {.site = site});
  here->sessions += sessions;
  here->observers += observers;
  if (here->sessions + here->observers == 0) on.erase(here);
}

EncodingSet Fanout::encodings() const {
  EncodingSet set = readers_ == nullptr ? EncodingSet(env_.deflater) : readers_->encodings;
  // The log wants this one, and so does a frame that nobody reads now but somebody may ask for later.
  if (journal_ != nullptr || set.empty()) set.Add(Encoding::kGrpc);
  return set;
}

}  // namespace atrium
