#include "server/live/room.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/hash/hash.h"
#include "server/common/status_macros.h"
#include "server/live/room_errors.h"
#include "server/wire/merge.h"

namespace atrium {
namespace {

// OnDestroy is asked again so much later at the earliest.
constexpr absl::Duration kLeastStay = absl::Seconds(1);

constexpr size_t kMaxOwnMetadataBytes = 4096;

// What a joiner is told of OnJoin's refusal.
absl::Status Refusal(absl::Status verdict) {
  switch (verdict.code()) {
    case absl::StatusCode::kInternal: return JoinRejected("");
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted: return verdict;
    default: return HasReason(verdict) ? verdict : JoinRejected(verdict.message());
  }
}

}  // namespace

Room::Room(std::string id, std::string epoch, absl::Time create_time, const Env& env, Journal::Start log)
    : env_(env),
      create_time_(create_time),
      last_activity_time_(env_.shard.Now()),
      journal_(MakeJournal(id, std::move(log))),
      fanout_({.id = std::move(id), .epoch = epoch, .key = absl::Hash<std::string>()(epoch)}, env_.fanout,
              journal_.get()) {
  env_.counters.rooms.Add(1);
  unlisted_ = !options().listed;
  if (type() == nullptr) return;
  typed_ = std::make_unique<TypedRoom>(*type(), env_.shard, static_cast<StepSink&>(*this), env_.services, env_.log);
}

Room::Room(std::string id, json::object initial_state, std::string epoch, const Env& env)
    : Room(std::move(id), std::move(epoch), env.shard.Now(), env, {}) {
  state_ = std::move(initial_state);
  state_bytes_ = typed_ == nullptr ? JsonSize(state_) : state().Json().size();
  if (journal_ == nullptr) return;
  journal_->record().set_epoch(this->epoch());
  journal_->record().set_create_time(absl::ToUnixMillis(create_time_));
  journal_->HeadChanged();
}

Room::Room(std::string id, const RestoredRoom& restored, const Env& env)
    : Room(std::move(id), restored.room.epoch(), absl::FromUnixMillis(restored.room.create_time()), env, restored.log) {
  Restore(restored);
}

Room::~Room() {
  while (!company_->observers.empty()) Unwatch(company_->observers.begin()->first);
  env_.counters.rooms.Add(-1);
  env_.counters.members.Add(-member_count());
  env_.shard.Cancel(empty_timer_);
  env_.shard.Cancel(company_->presence_timer);
  env_.shard.Cancel(patch_timer_);
}

v1::Position Room::position() const {
  v1::Position position;
  position.set_epoch(epoch());
  position.set_offset(fanout_.offset());
  return position;
}

v1::Room Room::Describe() const {
  v1::Room room;
  room.set_id(id());
  if (type() != nullptr) room.set_type(type()->name);
  room.set_max_members(options().max_members);
  room.set_member_count(member_count());
  room.set_locked(locked_);
  room.set_unlisted(unlisted_);
  *room.mutable_metadata() = ToProtoValue(Metadata()).struct_value();
  *room.mutable_create_time() = ToTimestamp(create_time_);
  *room.mutable_last_activity_time() = ToTimestamp(last_activity_time_);
  *room.mutable_position() = position();
  return room;
}

json::object Room::Metadata() const {
  json::object metadata = metadata_->of_services;
  for (const auto& [key, value] : metadata_->own) metadata.insert_or_assign(key, value);
  return metadata;
}

const Payload& Room::state() {
  if (state_payload_.empty()) {
    state_payload_ = typed_ == nullptr ? Payload::FromJson(state_)
                                       : Payload::FromText(MessageToJson(typed_->state(), JsonZeros::kPrint));
  }
  return state_payload_;
}

const MemberIdentity* Room::FindMember(absl::string_view id) const {
  const auto it = members().find(id);
  return it == members().end() ? nullptr : &it->second.identity;
}

std::vector<MemberInfo> Room::MemberInfos() const {
  std::vector<MemberInfo> infos;
  infos.reserve(members().size());
  for (const auto& [id, member] : members()) infos.push_back(InfoOf(member.identity));
  if (company_->unseen_leaver) infos.push_back(*company_->unseen_leaver);
  return infos;
}

// ---- Life

void Room::Create(absl::AnyInvocable<void(absl::Status)> done) {
  if (typed_ == nullptr) {
    open_ = true;
    WatchEmptiness();
    return done(absl::OkStatus());
  }
  auto created = [this, done = std::move(done)](absl::Status verdict) mutable {
    open_ = verdict.ok();
    if (open_) ForgetOldMembers();
    WatchEmptiness();
    done(std::move(verdict));
  };
  if (restored_) return typed_->Load(std::move(created));
  typed_->Create(std::move(created));
}

void Room::Destroy(absl::AnyInvocable<void(bool)> done) {
  if (typed_ == nullptr || cleared_) return done(true);
  open_ = false;
  typed_->Destroy([this, done = std::move(done)](bool destroy) mutable {
    open_ = true;
    done(destroy);
  });
}

bool Room::idle() const {
  return members().empty() && company_->pending.empty() && (typed_ == nullptr || typed_->running_hooks() == 0);
}

void Room::Stay() { WatchEmptiness(kLeastStay); }

void Room::WatchEmptiness(absl::Duration at_least) {
  if (!open_ || !idle() || empty_timer_ != 0) return;
  ForgetCompany();
  absl::Duration ttl = options().empty_ttl.value_or(env_.settings.empty_ttl);
  if (cleared_) ttl = absl::ZeroDuration();
  empty_timer_ = env_.shard.After(std::max(ttl, at_least), [this] {
    empty_timer_ = 0;
    // The room may be gone when this returns.
    if (idle()) env_.on_idle(id());
  });
}

// ---- Joining

void Room::Join(MemberIdentity who, Payload payload, absl::optional<v1::Position> since, JoinDone done) {
  if (members().contains(who.id)) {
    Admission admission = MakeAdmission(who.id);
    admission.again = true;
    return done(std::move(admission));
  }
  if (company_->pending.contains(who.id)) return done(JoinPending());
  if (locked_) return done(RoomLocked());
  const size_t seats = options().max_members;
  if (seats > 0 && members().size() + company_->pending.size() >= seats) return done(RoomFull());
  if (typed_ == nullptr) return done(Admit(std::move(who), {}, since));

  company_.Get().pending.emplace(who.id, PendingJoin());
  auto join = std::make_shared<JoinContext>();
  join->member = InfoOf(who);
  join->info = std::exchange(join->member.info, {});
  join->payload = std::move(payload);
  typed_->Join(join, [this, join, who = std::move(who), since = std::move(since),
                      done = std::move(done)](absl::Status verdict) mutable {
    who.info = std::move(join->info);
    FinishJoin(std::move(who), std::move(join->membership), since, std::move(verdict), std::move(done));
  });
}

void Room::FinishJoin(MemberIdentity who, std::any membership, const absl::optional<v1::Position>& since,
                      absl::Status verdict, JoinDone done) {
  const std::optional<v1::LeaveReason> gone = company_.Get().pending.extract(who.id).mapped().gone;
  if (!verdict.ok()) {
    WatchEmptiness();
    return done(Refusal(std::move(verdict)));
  }
  if (gone) {
    // OnLeave counts the leaver, as always, but nobody has seen it come.
    std::unique_ptr<MemberInfo>& leaver = company_.Get().unseen_leaver;
    leaver = std::make_unique<MemberInfo>(InfoOf(who));
    typed_->Leave({.member = *leaver, .reason = *gone, .membership = std::move(membership)});
    leaver = nullptr;
    WatchEmptiness();
    return done(
        MakeError(absl::StatusCode::kCancelled, "LEFT_MEANWHILE", "The member left before its join was decided"));
  }
  done(Admit(std::move(who), std::move(membership), since));
}

Admission Room::Admit(MemberIdentity who, std::any membership, const absl::optional<v1::Position>& since) {
  Touch();
  env_.shard.Cancel(std::exchange(empty_timer_, 0));
  Company& company = company_.Get();
  std::string id = who.id;
  const Member& member =
      company.members.emplace(std::move(id), Member{std::move(who), env_.shard.Now(), std::move(membership)})
          .first->second;
  env_.counters.members.Add(1);
  company.presence.Joined(member);
  if (journal_ != nullptr) StoreJoin(member.identity);
  // At once, the others are told before the joiner's position, and it is not; in a fold, it is among all.
  TellPresence();
  const bool first_of_session = fanout_.Add(member.identity);
  // Another member of its session gets the room's frames already.
  Admission admission = first_of_session ? Recover(member.identity.id, member.identity.encoding, since,
                                                   [](const Audience& audience) { return audience.is_public(); })
                                         : MakeAdmission(member.identity.id);
  admission.first_of_session = first_of_session;
  return admission;
}

bool Room::ListsMembers() const { return member_count() <= options().presence_list_limit; }

Admission Room::MakeAdmission(const std::string& member_id) {
  Admission admission{.state = state(), .channel = fanout_.channel()};
  v1::JoinResponse& response = admission.response;
  *response.mutable_room() = Describe();
  response.set_member_id(member_id);
  *response.mutable_position() = position();
  if (ListsMembers()) {
    for (const auto& [id, member] : members()) *response.add_members() = member.ToProto();
  }
  return admission;
}

// ---- Leaving

absl::Status Room::Leave(const std::string& member_id, v1::LeaveReason reason, bool tell) {
  if (!company_.made()) return MemberNotFound(member_id);
  Company& company = company_.Get();
  if (const auto pending = company.pending.find(member_id); pending != company.pending.end()) {
    pending->second.gone = reason;
    return absl::OkStatus();
  }
  const auto it = company.members.find(member_id);
  if (it == company.members.end()) return MemberNotFound(member_id);
  Touch();
  if (typed_ != nullptr) {
    typed_->Leave(
        {.member = InfoOf(it->second.identity), .reason = reason, .membership = std::move(it->second.membership)});
  }
  const Member member = std::move(company.members.extract(member_id).mapped());
  env_.counters.members.Add(-1);
  FramePtr left = tell ? LeftFrame(member.identity, reason) : nullptr;
  if (journal_ != nullptr) journal_->record().add_members()->set_left(member_id);
  // One of before a restart has no session any more.
  if (member.identity.shard != nullptr) fanout_.Remove(member.identity, reason, std::move(left));
  company.presence.Left(member, reason);
  TellPresence();
  WatchEmptiness();
  return absl::OkStatus();
}

FramePtr Room::LeftFrame(const MemberIdentity& who, v1::LeaveReason reason) const {
  v1::ServerFrame frame;
  frame.mutable_left()->set_room_id(id());
  frame.mutable_left()->set_member_id(who.id);
  frame.mutable_left()->set_reason(reason);
  return EncodeFrame(frame, who.encoding, {}, {.room = fanout_.room().key, .kind = FrameOrigin::Kind::kLeft});
}

void Room::SetPendingGone() {
  if (!company_.made()) return;
  for (auto& [id, pending] : company_.Get().pending) pending.gone = v1::LEAVE_REASON_CLEANUP;
}

void Room::Clear() {
  cleared_ = true;
  FlushPatch();
  SetPendingGone();
  while (!members().empty()) {
    const std::string id = members().begin()->first;
    Leave(id, v1::LEAVE_REASON_CLEANUP, /*tell=*/true).IgnoreError();
  }
  env_.shard.Cancel(std::exchange(empty_timer_, 0));
  WatchEmptiness();
}

void Room::TellPresence() {
  const auto send = [this] {
    if (!company_->presence.changed()) return;
    Delivered(fanout_.SendPresence(company_.Get().presence.Take(members().size(), ListsMembers()), env_.shard.Now()));
  };
  const absl::Duration interval = options().presence_interval;
  if (members().size() <= Presence::kAtOnce || interval == absl::ZeroDuration()) return send();
  if (company_->presence_timer != 0) return;
  company_.Get().presence_timer = env_.shard.After(interval, [this, send] {
    company_.Get().presence_timer = 0;
    send();
    ForgetCompany();
  });
}

void Room::ForgetCompany() {
  const bool anybody = !members().empty() || !company_->pending.empty() || !company_->observers.empty() ||
                       company_->unseen_leaver != nullptr;
  if (!anybody && company_->presence_timer == 0 && !company_->presence.changed()) company_.Reset();
}

// ---- What others find it by

void Room::Update(RoomUpdate update) {
  if (update.locked) locked_ = *update.locked;
  if (update.unlisted) unlisted_ = *update.unlisted;
  if (update.metadata) metadata_.Get().of_services = *std::move(update.metadata);
  if (update.unlisted || update.metadata) ListingChanged();
  if (journal_ != nullptr) StoreSettings();
}

absl::StatusOr<json::object> Room::MergeMetadata(const json::object& keys) const {
  json::object merged = metadata_->own;
  for (const auto& [key, value] : keys) {
    if (value.is_null()) {
      merged.erase(key);
    } else {
      merged.insert_or_assign(key, value);
    }
  }
  if (JsonSize(merged) > kMaxOwnMetadataBytes) return MetadataTooLarge();
  return merged;
}

void Room::SetOwnMetadata(json::object metadata) {
  metadata_.Get().own = std::move(metadata);
  ListingChanged();
  if (journal_ != nullptr) StoreSettings();
}

void Room::ListingChanged() { env_.services.feed.Changed(env_.shard.index(), id()); }

}  // namespace atrium
