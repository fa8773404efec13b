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

constexpr RoomOptions kUntypedOptions;

// OnDestroy is asked again so much later at the earliest.
constexpr absl::Duration kLeastStay = absl::Seconds(1);

void SortUnique(Fanout::Members& members) {
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
}

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

Room::Room(std::string id, const RoomTypeInfo* type, json::object initial_state, std::string epoch, Env env)
    : id_(std::move(id)),
      type_(type),
      epoch_(std::move(epoch)),
      env_(std::move(env)),
      create_time_(env_.shard.Now()),
      last_activity_time_(create_time_),
      state_(std::move(initial_state)),
      state_bytes_(JsonSize(state_)),
      fanout_({.id = id_,
               .epoch = epoch_,
               .key = absl::Hash<std::string>()(epoch_),
               .resume_window = options().resume_window.value_or(env_.settings.resume_window),
               .slow_policy = options().slow_policy},
              env_.shards, options().history ? *options().history : env_.settings.history) {
  env_.counters.rooms.Add(1);
  if (type_ == nullptr) return;
  unlisted_ = !type_->options.listed;
  typed_ = std::make_unique<TypedRoom>(*type_, env_.shard, static_cast<StepSink&>(*this), env_.services, env_.log);
  state_bytes_ = state().Json().size();
}

Room::~Room() {
  while (!observers_.empty()) Unwatch(observers_.begin()->first);
  env_.counters.rooms.Add(-1);
  env_.counters.members.Add(-member_count());
  env_.shard.Cancel(empty_timer_);
  env_.shard.Cancel(presence_timer_);
  env_.shard.Cancel(patch_timer_);
}

v1::Position Room::position() const {
  v1::Position position;
  position.set_epoch(epoch_);
  position.set_offset(fanout_.offset());
  return position;
}

v1::Room Room::Describe() const {
  v1::Room room;
  room.set_id(id_);
  if (type_ != nullptr) room.set_type(type_->name);
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
  json::object metadata = metadata_;
  for (const auto& [key, value] : own_metadata_) metadata.insert_or_assign(key, value);
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
  const auto it = members_.find(id);
  return it == members_.end() ? nullptr : &it->second.identity;
}

std::vector<MemberInfo> Room::MemberInfos() const {
  std::vector<MemberInfo> infos;
  infos.reserve(members_.size());
  for (const auto& [id, member] : members_) infos.push_back(InfoOf(member.identity));
  if (unseen_leaver_) infos.push_back(*unseen_leaver_);
  return infos;
}

// ---- Life

void Room::Create(absl::AnyInvocable<void(absl::Status)> done) {
  if (typed_ == nullptr) {
    open_ = true;
    WatchEmptiness();
    return done(absl::OkStatus());
  }
  typed_->Create([this, done = std::move(done)](absl::Status verdict) mutable {
    open_ = verdict.ok();
    WatchEmptiness();
    done(std::move(verdict));
  });
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
  return members_.empty() && pending_.empty() && (typed_ == nullptr || typed_->running_hooks() == 0);
}

void Room::Stay() { WatchEmptiness(kLeastStay); }

void Room::WatchEmptiness(absl::Duration at_least) {
  if (!open_ || !idle() || empty_timer_ != 0) return;
  absl::Duration ttl = options().empty_ttl.value_or(env_.settings.empty_ttl);
  if (cleared_) ttl = absl::ZeroDuration();
  empty_timer_ = env_.shard.After(std::max(ttl, at_least), [this] {
    empty_timer_ = 0;
    // The room may be gone when this returns.
    if (idle()) env_.on_idle(id_);
  });
}

// ---- Joining

void Room::Join(MemberIdentity who, Payload payload, absl::optional<v1::Position> since, JoinDone done) {
  if (members_.contains(who.id)) {
    Admission admission = MakeAdmission(who.id);
    admission.again = true;
    return done(std::move(admission));
  }
  if (pending_.contains(who.id)) return done(JoinPending());
  if (locked_) return done(RoomLocked());
  const size_t seats = options().max_members;
  if (seats > 0 && members_.size() + pending_.size() >= seats) return done(RoomFull());
  if (typed_ == nullptr) return done(Admit(std::move(who), {}, since));

  pending_.emplace(who.id, PendingJoin());
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
  const std::optional<v1::LeaveReason> gone = pending_.extract(who.id).mapped().gone;
  if (!verdict.ok()) {
    WatchEmptiness();
    return done(Refusal(std::move(verdict)));
  }
  if (gone) {
    // OnLeave counts the leaver, as always, but nobody has seen it come.
    unseen_leaver_ = InfoOf(who);
    typed_->Leave({.member = *unseen_leaver_, .reason = *gone, .membership = std::move(membership)});
    unseen_leaver_.reset();
    WatchEmptiness();
    return done(
        MakeError(absl::StatusCode::kCancelled, "LEFT_MEANWHILE", "The member left before its join was decided"));
  }
  done(Admit(std::move(who), std::move(membership), since));
}

Admission Room::Admit(MemberIdentity who, std::any membership, const absl::optional<v1::Position>& since) {
  Touch();
  env_.shard.Cancel(std::exchange(empty_timer_, 0));
  std::string id = who.id;
  const Member& member =
      members_.emplace(std::move(id), Member{std::move(who), env_.shard.Now(), std::move(membership)}).first->second;
  env_.counters.members.Add(1);
  presence_.Joined(member);
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

const RoomOptions& Room::options() const { return type_ == nullptr ? kUntypedOptions : type_->options; }

bool Room::ListsMembers() const { return member_count() <= options().presence_list_limit; }

Admission Room::MakeAdmission(const std::string& member_id) {
  Admission admission{.state = state(), .channel = fanout_.channel()};
  v1::JoinResponse& response = admission.response;
  *response.mutable_room() = Describe();
  response.set_member_id(member_id);
  *response.mutable_position() = position();
  if (ListsMembers()) {
    for (const auto& [id, member] : members_) *response.add_members() = member.ToProto();
  }
  return admission;
}

// ---- Coming back, and watching

bool Room::Covers(const v1::Position& since) {
  return since.epoch() == epoch_ && since.offset() <= fanout_.offset() &&
         fanout_.history().Covers(since.offset(), env_.shard.Now());
}

Admission Room::Recover(const std::string& member_id, Encoding encoding, const absl::optional<v1::Position>& since,
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
                                        const absl::optional<v1::Position>& since) {
  const MemberIdentity* one = nullptr;
  for (const std::string& id : members) {
    const auto it = members_.find(id);
    if (it == members_.end()) continue;
    it->second.identity.encoding = encoding;
    if (one == nullptr) one = &it->second.identity;
  }
  if (one == nullptr) return MemberNotFound(members.front());
  fanout_.Recode(*one);
  return Recover(one->id, encoding, since,
                 [key = one->session](const Audience& audience) { return audience.Includes(key); });
}

void Room::SetConnected(const std::vector<std::string>& members, bool connected) {
  for (const std::string& id : members) {
    const auto it = members_.find(id);
    if (it == members_.end() || it->second.connected == connected) continue;
    it->second.connected = connected;
    presence_.Changed(it->second);
  }
  TellPresence();
}

Admission Room::Watch(const ObserverIdentity& observer, const absl::optional<v1::Position>& since) {
  observers_.emplace(observer.key, observer);
  fanout_.AddObserver(observer);
  return Recover("", observer.encoding, since, [](const Audience& audience) { return audience.is_public(); });
}

void Room::Unwatch(SessionKey observer) {
  const auto watching = observers_.extract(observer);
  if (watching) fanout_.RemoveObserver(watching.mapped());
}

absl::StatusOr<std::vector<FramePtr>> Room::GetHistory(const absl::optional<v1::Position>& since, size_t most) {
  if (since && !Covers(*since)) return HistoryLost();
  return fanout_.history().After(
      since ? since->offset() : 0, absl::nullopt, [](const Audience& audience) { return audience.is_public(); }, most);
}

// ---- Leaving

absl::Status Room::Leave(const std::string& member_id, v1::LeaveReason reason, bool tell) {
  if (const auto pending = pending_.find(member_id); pending != pending_.end()) {
    pending->second.gone = reason;
    return absl::OkStatus();
  }
  const auto it = members_.find(member_id);
  if (it == members_.end()) return MemberNotFound(member_id);
  Touch();
  if (typed_ != nullptr) {
    typed_->Leave(
        {.member = InfoOf(it->second.identity), .reason = reason, .membership = std::move(it->second.membership)});
  }
  const Member member = std::move(members_.extract(member_id).mapped());
  env_.counters.members.Add(-1);
  FramePtr left;
  if (tell) {
    v1::ServerFrame frame;
    frame.mutable_left()->set_room_id(id_);
    frame.mutable_left()->set_member_id(member_id);
    frame.mutable_left()->set_reason(reason);
    left = EncodeFrame(frame, member.identity.encoding, {},
                       {.room = fanout_.channel()->room().key, .kind = FrameOrigin::Kind::kLeft});
  }
  fanout_.Remove(member.identity, reason, std::move(left));
  presence_.Left(member, reason);
  TellPresence();
  WatchEmptiness();
  return absl::OkStatus();
}

void Room::Clear() {
  cleared_ = true;
  FlushPatch();
  for (auto& [id, pending] : pending_) pending.gone = v1::LEAVE_REASON_CLEANUP;
  while (!members_.empty()) {
    const std::string id = members_.begin()->first;
    Leave(id, v1::LEAVE_REASON_CLEANUP, /*tell=*/true).IgnoreError();
  }
  env_.shard.Cancel(std::exchange(empty_timer_, 0));
  WatchEmptiness();
}

void Room::TellPresence() {
  const auto send = [this] {
    if (!presence_.changed()) return;
    Delivered(fanout_.SendPresence(presence_.Take(members_.size(), ListsMembers()), env_.shard.Now()));
  };
  const absl::Duration interval = options().presence_interval;
  if (members_.size() <= Presence::kAtOnce || interval == absl::ZeroDuration()) return send();
  if (presence_timer_ != 0) return;
  presence_timer_ = env_.shard.After(interval, [this, send] {
    presence_timer_ = 0;
    send();
  });
}

// ---- Events

absl::StatusOr<int> Room::Emit(Emission emission) {
  if (typed_ != nullptr) {
    RETURN_IF_ERROR(CheckEvent(emission));
    EventContext context{.event = emission.event, .data = emission.data};
    if (emission.sender != nullptr) context.sender = InfoOf(*emission.sender);
    RETURN_IF_ERROR(typed_->Event(context));
  }
  const Audience audience = AudienceOf(emission.sender, emission.include_self, emission.options);
  Event event{.event = emission.event, .data = std::move(emission.data)};
  if (emission.sender != nullptr) {
    event.sender_id = emission.sender->id;
    event.sender_user_id = emission.sender->user_id;
  }
  return Send(std::move(event), emission.options, audience);
}

absl::Status Room::CheckEvent(const Emission& emission) const {
  if (emission.sender == nullptr || emission.trusted) return absl::OkStatus();
  const auto it = type_->events.find(std::string(emission.event));
  if (it == type_->events.end() || !it->second.from_members) return EventFromClientRefused(emission.event);
  const std::unique_ptr<google::protobuf::Message> data(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(it->second.data)->New());
  return PrefixField("data", MessageFromJson(emission.data.ToJsonValue(), *data));
}

int Room::EmitStaged(const StagedEvent& event) {
  const std::string* const binary = event.binary ? &*event.binary : nullptr;
  return Send({.event = event.event, .data = event.data, .binary = binary}, event.options,
              AudienceOf(nullptr, /*include_self=*/false, event.options));
}

int Room::Send(Event event, const EmitOptions& options, const Audience& audience) {
  if (!options.is_volatile) FlushPatch();
  Touch();
  env_.counters.events.Add(1);
  event.time = last_activity_time_;
  const int sessions = fanout_.SendEvent(std::move(event), options.is_volatile, audience);
  Delivered(sessions);
  return sessions;
}

Audience Room::AudienceOf(const MemberIdentity* sender, bool include_self, const EmitOptions& options) const {
  Fanout::Members excluded = FindMembers(options.exclude);
  const MemberIdentity* const self = sender == nullptr || include_self ? nullptr : FindMember(sender->id);
  if (self != nullptr) excluded.push_back(self);
  SortUnique(excluded);
  if (options.to.empty()) return fanout_.AllBut(excluded);
  Fanout::Members named = FindMembers(options.to);
  SortUnique(named);
  Fanout::Members only;
  std::set_difference(named.begin(), named.end(), excluded.begin(), excluded.end(), std::back_inserter(only));
  return fanout_.Only(only);
}

Fanout::Members Room::FindMembers(const std::vector<std::string>& ids) const {
  Fanout::Members members;
  for (const std::string& id : ids) {
    if (const MemberIdentity* member = FindMember(id)) members.push_back(member);
  }
  return members;
}

// ---- State and methods

absl::Status Room::CheckLimits(const StateChange& change) const {
  const size_t limit = env_.settings.max_state_bytes;
  if (limit > 0 && change.growth > 0 && state_bytes_ + change.growth > limit) return StateTooLarge();
  return change.depth > kMaxJsonDepth ? StateTooDeep() : absl::OkStatus();
}

absl::Status Room::SetState(const json::object& merge, absl::optional<uint64_t> expected_offset) {
  if (typed_ != nullptr) return StateIsServerOnly();
  if (expected_offset && patch_offset_ > *expected_offset) return StateChanged(patch_offset_);
  const StateChange change = ChangeFromMerge(state_, merge);
  RETURN_IF_ERROR(CheckLimits(change));
  if (change.patch.empty()) return absl::OkStatus();
  Merge(state_, merge);
  state_bytes_ += change.growth;
  SendPatch(change.patch);
  return absl::OkStatus();
}

absl::Status Room::CommitState(const StateChange& change) {
  RETURN_IF_ERROR(CheckLimits(change));
  if (change.patch.empty()) return absl::OkStatus();
  state_bytes_ += change.growth;
  if (type_->options.patch_interval == absl::ZeroDuration()) {
    SendPatch(change.patch);
  } else if (patch_timer_ == 0) {
    patch_timer_ = env_.shard.After(type_->options.patch_interval, [this] { FlushPatch(); });
  }
  return absl::OkStatus();
}

void Room::FlushPatch() {
  if (patch_timer_ == 0) return;
  env_.shard.Cancel(std::exchange(patch_timer_, 0));
  const StateChange change = typed_->FlushState();
  if (!change.patch.empty()) SendPatch(change.patch);
}

void Room::SendPatch(const Patch& patch) {
  Touch();
  state_payload_ = {};
  Delivered(fanout_.SendPatch(patch, last_activity_time_));
  patch_offset_ = fanout_.offset();
}

void Room::Call(absl::string_view method, const json::value& args, const MemberIdentity* member,
                TypedRoom::CallDone done, bool trusted) {
  if (typed_ == nullptr) return done(UntypedHasNoMethods());
  const auto it = type_->methods.find(std::string(method));
  if (it == type_->methods.end()) return done(NoSuchMethod(type_->name, method));
  const bool from_client = member != nullptr && !trusted;
  if (from_client && it->second.access != Access::kMember) return done(MethodIsServiceOnly(method));
  CallContext call{.time = env_.shard.Now(), .from_client = from_client};
  if (member != nullptr) call.member = InfoOf(*member);
  typed_->Call(it->first, it->second, args, std::move(call), std::move(done));
}

// ---- What others find it by

void Room::Update(RoomUpdate update) {
  if (update.locked) locked_ = *update.locked;
  if (update.unlisted) unlisted_ = *update.unlisted;
  if (update.metadata) metadata_ = *std::move(update.metadata);
  if (update.unlisted || update.metadata) ListingChanged();
}

absl::StatusOr<json::object> Room::MergeMetadata(const json::object& keys) const {
  json::object merged = own_metadata_;
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
  own_metadata_ = std::move(metadata);
  ListingChanged();
}

void Room::ListingChanged() { env_.services.feed.Changed(env_.shard.index(), id_); }

}  // namespace atrium
