#include "server/live/room.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <iterator>
#include <utility>

#include "server/common/status_macros.h"
#include "server/live/room_errors.h"

namespace atrium {
namespace {

void SortUnique(Audience::Sessions& sessions) {
  std::sort(sessions.begin(), sessions.end());
  sessions.erase(std::unique(sessions.begin(), sessions.end()), sessions.end());
}

}  // namespace

Room::Room(std::string id, const RoomTypeInfo* type, json::object initial_state, std::string epoch, Env env)
    : id_(std::move(id)),
      type_(type),
      epoch_(std::move(epoch)),
      env_(std::move(env)),
      channel_(std::make_shared<Channel>(id_, env_.shards)),
      live_(type == nullptr ? nullptr : type->create()),
      create_time_(env_.shard.Now()),
      last_activity_time_(create_time_),
      state_(std::move(initial_state)),
      state_bytes_(JsonSize(state_)),
      members_on_(env_.shards) {
  if (live_ != nullptr) {
    live_->room_ = this;
    state_ = *ParseJson(live_->StateJson());
  }
  env_.counters.rooms.Add(1);
  WatchEmptiness();
}

Room::~Room() {
  env_.counters.rooms.Add(-1);
  env_.counters.members.Add(-member_count());
  if (empty_timer_ != 0) env_.shard.Cancel(empty_timer_);
  if (presence_timer_ != 0) env_.shard.Cancel(presence_timer_);
}

v1::Position Room::position() const {
  v1::Position position;
  position.set_epoch(epoch_);
  position.set_offset(offset_);
  return position;
}

v1::Room Room::Describe() const {
  v1::Room room;
  room.set_id(id_);
  if (type_ != nullptr) {
    room.set_type(type_->name);
    room.set_max_members(type_->max_members);
  }
  room.set_member_count(member_count());
  *room.mutable_create_time() = ToTimestamp(create_time_);
  *room.mutable_last_activity_time() = ToTimestamp(last_activity_time_);
  *room.mutable_position() = position();
  return room;
}

const Payload& Room::state() {
  if (state_payload_.empty()) state_payload_ = Payload::FromJson(state_);
  return state_payload_;
}

const MemberIdentity* Room::FindMember(absl::string_view id) const {
  const auto it = members_.find(id);
  return it == members_.end() ? nullptr : &it->second.identity;
}

// ---- Joining and leaving

void Room::Join(MemberIdentity who, Payload payload, JoinDone done) {
  if (members_.contains(who.id)) {
    Admission admission = MakeAdmission(who);
    admission.state = state();
    admission.again = true;
    return done(std::move(admission));
  }
  if (pending_.contains(who.id)) return done(JoinPending());
  const size_t seats = type_ == nullptr ? 0 : type_->max_members;
  if (seats > 0 && members_.size() + pending_.size() >= seats) return done(RoomFull());
  if (live_ == nullptr) return done(Admit(std::move(who)));

  EndOpenStep();
  pending_.emplace(who.id, PendingJoin());
  auto context = std::make_shared<JoinContext>(
      JoinContext{.member = {.id = who.id, .user_id = who.user_id}, .payload = std::move(payload)});
  boost::asio::co_spawn(
      env_.shard.executor(), Decide(std::move(context)),
      [this, who = std::move(who), done = std::move(done)](std::exception_ptr thrown, absl::Status verdict) mutable {
        FinishJoin(std::move(who), thrown, std::move(verdict), std::move(done));
      });
}

Awaitable<absl::Status> Room::Decide(std::shared_ptr<JoinContext> join) { co_return co_await live_->OnJoin(*join); }

void Room::FinishJoin(MemberIdentity who, std::exception_ptr thrown, absl::Status verdict, JoinDone done) {
  const bool gone = pending_.extract(who.id).mapped().gone;
  if (thrown != nullptr) {
    env_.log.Error("OnJoin threw", {{"room", id_}});
    verdict = JoinRejected("");
  }
  if (verdict.ok()) verdict = CommitStep();
  if (!verdict.ok()) {
    UndoStep();
    WatchEmptiness();
    return done(JoinRejected(verdict.message()));
  }
  if (gone) {
    RunOnLeave(who, v1::LEAVE_REASON_DISCONNECT);
    WatchEmptiness();
    return done(
        MakeError(absl::StatusCode::kCancelled, "LEFT_MEANWHILE", "The member left before its join was decided"));
  }
  done(Admit(std::move(who)));
}

Admission Room::Admit(MemberIdentity who) {
  Touch();
  if (empty_timer_ != 0) env_.shard.Cancel(std::exchange(empty_timer_, 0));
  std::string id = who.id;
  const Member& member = members_.emplace(std::move(id), Member{std::move(who), env_.shard.Now()}).first->second;
  env_.counters.members.Add(1);
  presence_.Joined(member);
  // At once, the others are told before the joiner's position, and it is not; in a fold, it is among all.
  TellPresence();
  CountEncoding(member.identity, 1);
  Admission admission = MakeAdmission(member.identity);
  admission.state = state();
  return admission;
}

Admission Room::MakeAdmission(const MemberIdentity& who) const {
  Admission admission;
  admission.channel = channel_;
  v1::JoinResponse& response = admission.response;
  *response.mutable_room() = Describe();
  response.set_member_id(who.id);
  *response.mutable_position() = position();
  if (members_.size() <= Presence::kListLimit) {
    for (const auto& [id, member] : members_) *response.add_members() = member.ToProto();
  }
  return admission;
}

absl::Status Room::Leave(const std::string& member_id, v1::LeaveReason reason, bool tell) {
  if (const auto pending = pending_.find(member_id); pending != pending_.end()) {
    pending->second.gone = true;
    return absl::OkStatus();
  }
  const auto it = members_.find(member_id);
  if (it == members_.end()) return MemberNotFound(member_id);
  Touch();
  RunOnLeave(it->second.identity, reason);
  const Member member = std::move(members_.extract(it).mapped());
  env_.counters.members.Add(-1);
  CountEncoding(member.identity, -1);

  FramePtr left;
  if (tell) {
    v1::ServerFrame frame;
    frame.mutable_left()->set_room_id(id_);
    frame.mutable_left()->set_member_id(member_id);
    frame.mutable_left()->set_reason(reason);
    left = EncodeFrame(frame, member.identity.encoding);
  }
  Shard& shard = *member.identity.shard;
  shard.Post([channel = channel_, index = shard.index(), session = member.identity.session, left = std::move(left)] {
    if (Subscriber* subscriber = channel->Remove(index, session)) subscriber->OnRemoved(channel->room_id(), left);
  });

  presence_.Left(member, reason);
  TellPresence();
  WatchEmptiness();
  return absl::OkStatus();
}

void Room::RunOnLeave(const MemberIdentity& who, v1::LeaveReason reason) {
  if (live_ == nullptr) return;
  EndOpenStep();
  try {
    live_->OnLeave({.member = {.id = who.id, .user_id = who.user_id}, .reason = reason});
    if (CommitStep().ok()) return;
  } catch (const std::exception& thrown) {
    env_.log.Error("OnLeave threw", {{"room", id_}, {"error", thrown.what()}});
  }
  UndoStep();
}

void Room::WatchEmptiness() {
  if (!members_.empty() || !pending_.empty() || empty_timer_ != 0) return;
  empty_timer_ = env_.shard.After(env_.settings.empty_ttl, [this] {
    empty_timer_ = 0;
    if (!members_.empty() || !pending_.empty()) return;
    // Copies: the room is gone while this runs.
    const auto remove = env_.remove;
    const std::string id = id_;
    remove(id);
  });
}

// ---- Events, state, methods

int Room::Emit(const Emission& emission) {
  EndOpenStep();
  Touch();
  ++offset_;
  env_.counters.events.Add(1);
  const FramePtr frame = EncodeEvent({.room_id = id_,
                                      .offset = offset_,
                                      .event = emission.event,
                                      .data = emission.data,
                                      .sender_id = emission.sender == nullptr ? "" : emission.sender->id,
                                      .sender_user_id = emission.sender == nullptr ? "" : emission.sender->user_id,
                                      .time = last_activity_time_},
                                     encodings());
  return Publish(frame, AudienceOf(emission));
}

Audience Room::AudienceOf(const Emission& emission) const {
  Audience::Sessions excluded = SessionsOf(emission.exclude);
  if (emission.sender != nullptr && !emission.include_self) excluded.push_back(emission.sender->session);
  SortUnique(excluded);
  if (emission.to.empty()) {
    return {.kind = excluded.empty() ? Audience::Kind::kAll : Audience::Kind::kExcept, .sessions = std::move(excluded)};
  }
  Audience::Sessions named = SessionsOf(emission.to);
  SortUnique(named);
  Audience only{.kind = Audience::Kind::kOnly};
  std::set_difference(named.begin(), named.end(), excluded.begin(), excluded.end(), std::back_inserter(only.sessions));
  return only;
}

Audience::Sessions Room::SessionsOf(const std::vector<std::string>& member_ids) const {
  Audience::Sessions sessions;
  for (const std::string& id : member_ids) {
    if (const MemberIdentity* member = FindMember(id)) sessions.push_back(member->session);
  }
  return sessions;
}

absl::Status Room::SetState(const json::object& merge) {
  if (live_ != nullptr) return StateIsServerOnly();
  MergeResult merged = PatchFromMerge(state_.get_object(), merge);
  if (merged.patch.empty()) return absl::OkStatus();
  const size_t limit = env_.settings.max_state_bytes;
  if (limit > 0 && merged.growth > 0 && state_bytes_ + merged.growth > limit) return StateTooLarge();
  RETURN_IF_ERROR(ApplyPatch(merged.patch, state_));
  state_bytes_ += merged.growth;
  Touch();
  PublishPatch(merged.patch);
  return absl::OkStatus();
}

absl::StatusOr<Room::CallResult> Room::Call(absl::string_view method, const json::value& args,
                                            std::optional<MemberInfo> member) {
  if (live_ == nullptr) return NoSuchMethod("", method);
  const auto it = type_->methods.find(method);
  if (it == type_->methods.end()) return NoSuchMethod(type_->name, method);
  EndOpenStep();
  step_notified_ = 0;
  absl::Status status;
  try {
    absl::StatusOr<Payload> result = it->second(*live_, args, {.member = std::move(member), .time = env_.shard.Now()});
    status = result.ok() ? CommitStep() : result.status();
    if (status.ok()) {
      Touch();
      return CallResult{.result = *std::move(result), .notified = step_notified_};
    }
  } catch (const std::exception& thrown) {
    env_.log.Error("method threw", {{"room", id_}, {"method", method}, {"error", thrown.what()}});
    status = MakeError(absl::StatusCode::kInternal, "METHOD_FAILED", "The room failed to run the method");
  }
  UndoStep();
  return status;
}

// ---- Steps

absl::Status Room::CommitStep() {
  if (live_ == nullptr) return absl::OkStatus();
  if (absl::Status status = CommitState(); !status.ok()) {
    UndoStep();
    return status;
  }
  live_->KeepStep();
  for (StagedEvent& staged : std::exchange(staged_, {})) {
    ++offset_;
    env_.counters.events.Add(1);
    const FramePtr frame = EncodeEvent(
        {.room_id = id_, .offset = offset_, .event = staged.event, .data = staged.data, .time = env_.shard.Now()},
        encodings());
    step_notified_ += Publish(frame, {});
  }
  return absl::OkStatus();
}

void Room::EndOpenStep() {
  if (absl::Status status = CommitStep(); !status.ok()) {
    env_.log.Warning("step discarded", {{"room", id_}, {"error", status.message()}});
  }
}

absl::Status Room::CommitState() {
  if (!live_->StateTouched()) return absl::OkStatus();
  const std::string text = live_->StateJson();
  const size_t limit = env_.settings.max_state_bytes;
  if (limit > 0 && text.size() > limit) return StateTooLarge();
  ASSIGN_OR_RETURN(json::value after, ParseJson(text));
  const Patch patch = Diff(state_, after);
  if (patch.empty()) return absl::OkStatus();
  state_ = std::move(after);
  PublishPatch(patch);
  return absl::OkStatus();
}

void Room::UndoStep() {
  staged_.clear();
  if (live_ != nullptr) live_->UndoStep();
}

// ---- Fan-out

void Room::TellPresence() {
  if (members_.size() <= Presence::kAtOnce) return PublishPresence();
  if (presence_timer_ != 0) return;
  presence_timer_ = env_.shard.After(Presence::kInterval, [this] {
    presence_timer_ = 0;
    PublishPresence();
  });
}

void Room::PublishPresence() {
  if (!presence_.changed()) return;
  v1::ServerFrame frame;
  *frame.mutable_member() = presence_.Take(members_.size());
  frame.mutable_member()->set_room_id(id_);
  frame.mutable_member()->set_offset(++offset_);
  Publish(EncodeFrame(frame, encodings()), {});
}

void Room::PublishPatch(const Patch& patch) {
  state_payload_ = {};
  ++offset_;
  Publish(EncodePatch(id_, offset_, patch, encodings()), {});
}

int Room::Publish(const FramePtr& frame, const Audience& audience) {
  int sessions = 0;
  for (const ShardMembers& on : members_on_) {
    if (on.count == 0) continue;
    sessions += on.count;
    on.shard->Post(
        [channel = channel_, index = on.shard->index(), frame, audience] { channel->Deliver(index, frame, audience); });
  }
  const int named = static_cast<int>(audience.sessions.size());
  if (audience.kind == Audience::Kind::kExcept) sessions -= named;
  if (audience.kind == Audience::Kind::kOnly) sessions = named;
  env_.counters.deliveries.Add(sessions);
  return sessions;
}

void Room::CountEncoding(const MemberIdentity& who, int n) {
  members_with_[static_cast<int>(who.encoding)] += n;
  ShardMembers& on = members_on_[who.shard->index()];
  on.shard = who.shard;
  on.count += n;
}

EncodingSet Room::encodings() const {
  EncodingSet set;
  for (int i = 0; i < kEncodings; ++i) {
    if (members_with_[i] > 0) set.Add(static_cast<Encoding>(i));
  }
  return set;
}

}  // namespace atrium
