// Who comes into a room, goes and comes back, and who only watches.

#include <optional>
#include <utility>

#include "server/live/rooms/room.h"
#include "server/live/rooms/room_errors.h"

namespace atrium {
namespace {

// Returns what a joiner is told of OnJoin's refusal.
absl::Status Refusal(absl::Status verdict) {
  switch (verdict.code()) {
    case absl::StatusCode::kInternal: return JoinRejected("");
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted: return verdict;
    default: return HasReason(verdict) ? verdict : JoinRejected(verdict.message());
  }
}

}  // namespace

// ---- Joining

void Room::Join(MemberIdentity who, Payload payload, std::optional<v1::Position> since, JoinDone done) {
  ATRIUM_ON_SHARD(env_.shard);
  if (roster_.Find(who.id) != nullptr) {
    Admission admission = MakeAdmission(who.id);
    admission.again = true;
    return done(std::move(admission));
  }
  if (std::vector<JoinAttempt>* const behind = roster_.WaitingBehind(who.id)) {
    return behind->push_back({std::move(who), std::move(payload), std::move(since), std::move(done)});
  }
  if (locked_) return done(RoomLocked());
  const size_t seats = options().max_members;
  if (seats > 0 && roster_.seats_taken() >= seats) return done(RoomFull());
  if (typed_ == nullptr) return done(TakeIn(std::move(who), {}, since));

  roster_.BeginJoin(who.id);
  auto join = std::make_shared<JoinContext>();
  join->member = InfoOf(who);
  join->info = std::exchange(join->member.info, {});
  join->payload = std::move(payload);
  typed_->Join(join, [this, join, who = std::move(who), since = std::move(since),
                      done = std::move(done)](absl::Status verdict) mutable {
    who.info = std::move(join->info);
    FinishJoin({std::move(who), {}, std::move(since), std::move(done)}, std::move(join->membership),
               std::move(verdict));
  });
}

void Room::FinishJoin(JoinAttempt join, std::any membership, absl::Status verdict) {
  Roster::PendingJoin pending = roster_.EndJoin(join.who.id);
  JoinDone done = std::move(join.done);
  done(Decide(join, std::move(membership), std::move(verdict), pending.gone));
  JoinAll(std::move(pending.behind));
}

absl::StatusOr<Admission> Room::Decide(JoinAttempt& join, std::any membership, absl::Status verdict,
                                       std::optional<v1::LeaveReason> gone) {
  if (!verdict.ok()) {
    WatchEmptiness();
    return Refusal(std::move(verdict));
  }
  if (!gone) return TakeIn(std::move(join.who), std::move(membership), join.since);
  // OnLeave counts the leaver, as always, but nobody has seen it come.
  LeaveContext leave{.member = InfoOf(join.who), .reason = *gone, .membership = std::move(membership)};
  roster_.ShowLeaver(leave.member);
  typed_->Leave(leave);
  roster_.HideLeaver();
  GoOnLeaving(std::move(leave));
  WatchEmptiness();
  return LeftBeforeItsJoin();
}

void Room::JoinAll(std::vector<JoinAttempt> joins) {
  for (JoinAttempt& next : joins) {
    Join(std::move(next.who), std::move(next.payload), std::move(next.since), std::move(next.done));
  }
}

Admission Room::TakeIn(MemberIdentity who, std::any membership, const std::optional<v1::Position>& since) {
  Touch();
  env_.shard.Cancel(std::exchange(empty_timer_, 0));
  const Member& member = roster_.Add({std::move(who), env_.shard.Now(), std::move(membership)});
  env_.counters.members.Add(1);
  storage_.StoreJoin(member);
  // If this is told at once, its frame comes before the joiner's position, and the joiner does not get it; if it is
  // folded, the joiner gets the frame as everybody does.
  TellPresence();
  const bool first_of_session = fanout_.Add(member.identity);
  // Another member of its session gets the room's frames already.
  Admission admission = first_of_session ? Recover(member.identity.id, member.identity.encoding, since,
                                                   [](const Audience& audience) { return audience.is_public(); })
                                         : MakeAdmission(member.identity.id);
  admission.first_of_session = first_of_session;
  return admission;
}

Admission Room::MakeAdmission(const std::string& member_id) {
  Admission admission{.state = state(), .channel = fanout_.channel()};
  v1::JoinResponse& response = admission.response;
  *response.mutable_room() = Describe();
  response.set_member_id(member_id);
  *response.mutable_position() = position();
  if (roster_.Lists(options().presence_list_limit)) {
    for (const auto& [id, member] : roster_.members()) *response.add_members() = member.ToProto();
  }
  return admission;
}

// ---- Leaving

absl::Status Room::Leave(const std::string& member_id, v1::LeaveReason reason, bool tell) {
  ATRIUM_ON_SHARD(env_.shard);
  if (roster_.TakeBackJoins(member_id, reason)) return absl::OkStatus();
  const MemberIdentity* const who = roster_.Find(member_id);
  if (who == nullptr) return MemberNotFound(member_id);
  Touch();
  if (typed_ == nullptr) {
    TakeOut(member_id, reason, tell);
  } else {
    roster_.TakeBackEvents(member_id);
    LeaveContext leave{.member = InfoOf(*who), .reason = reason, .membership = roster_.TakeMembership(member_id)};
    typed_->Leave(leave);
    TakeOut(member_id, reason, tell);
    GoOnLeaving(std::move(leave));
  }
  WatchEmptiness();
  return absl::OkStatus();
}

void Room::TakeOut(const std::string& member_id, v1::LeaveReason reason, bool tell) {
  const Member member = roster_.Remove(member_id, reason);
  env_.counters.members.Add(-1);
  FramePtr left = tell ? LeftFrame(member.identity, reason) : nullptr;
  storage_.StoreLeave(member.identity.id);
  // A member of before a restart has no session any more.
  if (member.identity.site != nullptr) fanout_.Remove(member.identity, reason, std::move(left));
  TellPresence();
}

void Room::GoOnLeaving(LeaveContext leave) {
  if (!type()->hooks.on_leave_async) return;
  const std::string id = leave.member.id;
  roster_.BeginLeave(id);
  typed_->LeaveAsync(std::move(leave), [this, id] { JoinAll(roster_.EndLeave(id)); });
}

FramePtr Room::LeftFrame(const MemberIdentity& who, v1::LeaveReason reason) const {
  v1::ServerFrame frame;
  frame.mutable_left()->set_room_id(id());
  frame.mutable_left()->set_member_id(who.id);
  frame.mutable_left()->set_reason(reason);
  return EncodeFrame(frame, who.encoding, {},
                     {.room = fanout_.room().key, .offset = who.component, .kind = FrameOrigin::Kind::kLeft});
}

void Room::TellPresence() {
  const auto tell = [this] {
    if (!roster_.has_news()) return;
    Delivered(fanout_.SendPresence(roster_.TakeNews(options().presence_list_limit), env_.shard.ThisMoment()));
  };
  const absl::Duration interval = options().presence_interval;
  if (roster_.members().size() <= Presence::kAtOnce || interval == absl::ZeroDuration()) return tell();
  roster_.TellLater(env_.shard, interval, tell);
}

// ---- Coming back, and watching

bool Room::Covers(const v1::Position& since) {
  return since.epoch() == epoch() && since.offset() <= fanout_.offset() &&
         fanout_.history().Covers(since.offset(), env_.shard.Steady());
}

Admission Room::Recover(const std::string& member_id, Encoding encoding, const std::optional<v1::Position>& since,
                        const History::Wanted& wanted) {
  const bool recovered = since && Covers(*since);
  if (since) (recovered ? env_.counters.recovered : env_.counters.not_recovered).Add(1);
  if (!recovered) return MakeAdmission(member_id);
  Admission admission{.missed = fanout_.history().After(since->offset(), encoding, wanted),
                      .channel = fanout_.channel()};
  *admission.response.mutable_room() = Describe();
  admission.response.set_member_id(member_id);
  *admission.response.mutable_position() = *since;
  admission.response.set_recovered(true);
  return admission;
}

absl::StatusOr<Admission> Room::CatchUp(const std::vector<std::string>& members, Encoding encoding,
                                        const std::optional<v1::Position>& since) {
  ATRIUM_ON_SHARD(env_.shard);
  const MemberIdentity* const one = roster_.Recode(members, encoding);
  if (one == nullptr) return MemberNotFound(members.front());
  fanout_.Recode(*one);
  return Recover(one->id, encoding, since,
                 [key = one->session](const Audience& audience) { return audience.Includes(key); });
}

void Room::SetConnected(const std::vector<std::string>& members, bool connected) {
  ATRIUM_ON_SHARD(env_.shard);
  roster_.SetConnected(members, connected);
  TellPresence();
}

Admission Room::Watch(const ObserverIdentity& observer, const std::optional<v1::Position>& since) {
  ATRIUM_ON_SHARD(env_.shard);
  // An observer that was too slow comes again for what it missed, and is one already.
  if (roster_.AddObserver(observer)) fanout_.AddObserver(observer);
  return Recover("", observer.encoding, since, [](const Audience& audience) { return audience.is_public(); });
}

void Room::Unwatch(SessionKey observer) {
  ATRIUM_ON_SHARD(env_.shard);
  const std::optional<ObserverIdentity> watching = roster_.RemoveObserver(observer);
  if (watching) fanout_.RemoveObserver(*watching);
  roster_.Shrink();
}

absl::StatusOr<std::vector<FramePtr>> Room::GetHistory(const std::optional<v1::Position>& since, size_t most) {
  ATRIUM_ON_SHARD(env_.shard);
  if (since && !Covers(*since)) return HistoryLost();
  return fanout_.history().After(
      since ? since->offset() : 0, std::nullopt, [](const Audience& audience) { return audience.is_public(); }, most);
}

}  // namespace atrium
