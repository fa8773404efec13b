// How a room begins, is described, is kept and ends.

#include "server/live/rooms/room.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace atrium {
namespace {

// OnDestroy is asked again so much later at the earliest.
constexpr absl::Duration kLeastStay = absl::Seconds(1);

}  // namespace

Room::Room(std::string id, std::string epoch, absl::Time create_time, const Env& env, Journal::Start log,
           json::object initial_state, std::unique_ptr<RoomBehaviour> behaviour)
    : env_(env),
      create_time_(create_time),
      last_activity_(env_.shard.ThisMoment()),
      unlisted_(!options().listed),
      state_(std::move(initial_state), behaviour.get()),
      storage_(MakeJournal(id, std::move(log))),
      fanout_({.id = std::move(id), .epoch = epoch, .key = RoomKey(epoch)}, env_.fanout, storage_.journal()) {
  env_.counters.rooms.Add(1);
  if (type() == nullptr) return;
  typed_ = std::make_unique<TypedRoom>(*type(), std::move(behaviour), env_.shard, static_cast<StepSink&>(*this),
                                       env_.services, env_.log);
}

Room::Room(std::string id, json::object initial_state, std::string epoch, const Env& env)
    : Room(std::move(id), std::move(epoch), env.shard.Now(), env, {}, std::move(initial_state),
           env.type == nullptr ? nullptr : env.type->create()) {
  storage_.StoreNew(this->epoch(), create_time_);
}

Room::Room(std::string id, RestoredRoom restored, const Env& env)
    : Room(std::move(id), restored.room.epoch(), absl::FromUnixMillis(restored.room.create_time()), env,
           std::move(restored.log), {}, std::move(restored.behaviour)) {
  Restore(restored);
}

Room::~Room() {
  while (!roster_.observers().empty()) Unwatch(roster_.observers().begin()->first);
  env_.counters.rooms.Add(-1);
  env_.counters.members.Add(-roster_.count());
  env_.shard.Cancel(empty_timer_);
  roster_.CancelTelling(env_.shard);
  state_.CancelFolding(env_.shard);
}

v1::Position Room::position() const {
  ATRIUM_ON_SHARD(env_.shard);
  v1::Position position;
  position.set_epoch(epoch());
  position.set_offset(fanout_.offset());
  return position;
}

v1::Room Room::Describe() const {
  ATRIUM_ON_SHARD(env_.shard);
  v1::Room room;
  room.set_id(id());
  if (type() != nullptr) room.set_type(type()->name);
  room.set_max_members(options().max_members);
  room.set_member_count(roster_.count());
  room.set_locked(locked_);
  room.set_unlisted(unlisted_);
  *room.mutable_metadata() = ToProtoValue(Metadata()).struct_value();
  *room.mutable_create_time() = ToTimestamp(create_time_);
  *room.mutable_last_activity_time() = ToTimestamp(last_activity_.wall);
  *room.mutable_position() = position();
  return room;
}

const Payload& Room::state() {
  ATRIUM_ON_SHARD(env_.shard);
  return state_.Get();
}

// ---- Life

void Room::Create(absl::AnyInvocable<void(absl::Status)> done) {
  ATRIUM_ON_SHARD(env_.shard);
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
  ATRIUM_ON_SHARD(env_.shard);
  if (typed_ == nullptr || cleared_) return done(true);
  open_ = false;
  typed_->Destroy([this, done = std::move(done)](bool destroy) mutable {
    open_ = true;
    done(destroy);
  });
}

bool Room::idle() const { return roster_.empty() && (typed_ == nullptr || typed_->running_hooks() == 0); }

void Room::Stay() {
  ATRIUM_ON_SHARD(env_.shard);
  if (storage_.durable()) return Touch();
  WatchEmptiness(kLeastStay);
}

void Room::WatchEmptiness(absl::Duration at_least) {
  if (!open_ || !idle() || empty_timer_ != 0) return;
  roster_.Shrink();
  absl::Duration ttl = options().empty_ttl.value_or(env_.settings.empty_ttl);
  if (cleared_) ttl = absl::ZeroDuration();
  empty_timer_ = env_.shard.After(std::max(ttl, at_least), [this] {
    empty_timer_ = 0;
    // The room may be gone when this returns.
    if (idle()) env_.on_idle(id());
  });
}

void Room::Clear() {
  ATRIUM_ON_SHARD(env_.shard);
  cleared_ = true;
  FlushPatch();
  roster_.TakeBackAll();
  while (!roster_.members().empty()) {
    const std::string id = roster_.members().begin()->first;
    Leave(id, v1::LEAVE_REASON_CLEANUP, /*tell=*/true).IgnoreError();
  }
  env_.shard.Cancel(std::exchange(empty_timer_, 0));
  WatchEmptiness();
}

void Room::Abandon() {
  ATRIUM_ON_SHARD(env_.shard);
  cleared_ = true;
  roster_.TakeBackAll();
  for (const auto& [id, member] : roster_.members()) {
    if (member.identity.site == nullptr) continue;
    fanout_.Remove(member.identity, v1::LEAVE_REASON_CLEANUP, LeftFrame(member.identity, v1::LEAVE_REASON_CLEANUP));
  }
  env_.counters.members.Add(-static_cast<int64_t>(roster_.members().size()));
  roster_.Abandon();
  state_.CancelFolding(env_.shard);
  roster_.CancelTelling(env_.shard);
  env_.shard.Cancel(std::exchange(empty_timer_, 0));
  WatchEmptiness();
}

// ---- The log

std::shared_ptr<Journal> Room::MakeJournal(const std::string& id, Journal::Start log) {
  if (env_.room_log == nullptr || !options().durable) return nullptr;
  Journal::Owner owner;
  owner.flush = [this] { FlushPatch(); };
  owner.image = [this] { return MakeImage(); };
  owner.head = [this] { return Describe().SerializeAsString(); };
  owner.on_failure = [this](const absl::Status& status) {
    env_.log.Error("room could not be stored", {{"room", this->id()}, {"error", status.message()}});
    env_.on_lost(this->id());
  };
  return std::make_shared<Journal>(id, *env_.room_log, env_.shard, std::move(owner), std::move(log));
}

Journal::Image Room::MakeImage() {
  RoomSnapshot snapshot;
  snapshot.set_epoch(epoch());
  snapshot.set_create_time(absl::ToUnixMillis(create_time_));
  snapshot.set_last_activity_time(absl::ToUnixMillis(last_activity_.wall));
  snapshot.set_offset(fanout_.offset());
  state_.Store(snapshot);
  snapshot.set_meta(typed_->MetaBytes());
  *snapshot.mutable_settings() = Settings();
  for (const auto& [id, member] : roster_.members()) *snapshot.add_members() = StoredForm(member);
  storage_.StoreAnswers(snapshot, env_.shard.Steady());
  return {.snapshot = std::move(snapshot), .forgotten = fanout_.history().forgotten()};
}

void Room::Restore(const RestoredRoom& restored) {
  const RoomSnapshot& room = restored.room;
  restored_ = true;
  const Moment now = env_.shard.ThisMoment();
  last_activity_ = {.wall = absl::FromUnixMillis(room.last_activity_time()), .steady = restored.last_activity};
  state_.set_patch_offset(room.patch_offset());
  fanout_.Restore(room.offset(), restored.history, now);
  if (room.has_settings()) {
    locked_ = room.settings().locked();
    unlisted_ = room.settings().unlisted();
    metadata_.Restore(room.settings());
  }
  storage_.RestoreAnswers(room, now);
  for (const StoredMember& old : room.members()) roster_.Restore(MemberOf(old, create_time_));
  env_.counters.members.Add(room.members_size());
}

void Room::ForgetOldMembers() {
  while (!roster_.members().empty()) {
    const std::string id = roster_.members().begin()->first;
    Leave(id, v1::LEAVE_REASON_CLEANUP, /*tell=*/false).IgnoreError();
  }
}

void Room::CommitMeta() {
  if (RoomRecord* const record = storage_.record()) record->set_meta(typed_->MetaBytes());
}

StoredSettings Room::Settings() const {
  StoredSettings settings;
  settings.set_locked(locked_);
  settings.set_unlisted(unlisted_);
  metadata_.Store(settings);
  return settings;
}

void Room::StoreSettings() {
  if (storage_.durable()) storage_.StoreSettings(Settings());
}

// ---- What others find it by

void Room::Update(RoomUpdate update) {
  ATRIUM_ON_SHARD(env_.shard);
  if (update.locked) locked_ = *update.locked;
  if (update.unlisted) unlisted_ = *update.unlisted;
  if (update.metadata) metadata_.SetOfServices(*std::move(update.metadata));
  if (update.unlisted || update.metadata) ListingChanged();
  StoreSettings();
}

absl::StatusOr<json::object> Room::MergeMetadata(const json::object& keys) const { return metadata_.OwnWith(keys); }

void Room::SetOwnMetadata(json::object metadata) {
  metadata_.SetOwn(std::move(metadata));
  ListingChanged();
  StoreSettings();
}

void Room::ListingChanged() { env_.services.feed.Changed(env_.shard.index(), id()); }

}  // namespace atrium
