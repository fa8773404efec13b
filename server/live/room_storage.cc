// How a durable room is kept in the log, and comes back from it.

#include <utility>

#include "server/live/room.h"

namespace atrium {
namespace {

json::object ReadObject(const std::string& text) {
  const absl::StatusOr<json::value> value = ParseJson(text);
  return value.ok() && value->is_object() ? value->get_object() : json::object();
}

StoredMember StoredForm(const MemberIdentity& who) {
  StoredMember stored;
  stored.set_id(who.id);
  stored.set_user_id(who.user_id);
  if (!who.info.empty()) stored.set_info(ToJson(who.info));
  return stored;
}

}  // namespace

void Room::StoreJoin(const MemberIdentity& who) {
  *journal_->record().add_members()->mutable_joined() = StoredForm(who);
}

std::shared_ptr<Journal> Room::MakeJournal(const std::string& id, Journal::Start log) {
  if (env_.store == nullptr || !options().durable) return nullptr;
  Journal::Owner owner;
  owner.snapshot = [this] { return MakeSnapshot(); };
  owner.head = [this] { return Head(); };
  owner.forgotten = [this] { return fanout_.history().forgotten(); };
  owner.on_failure = [this](const absl::Status& status) {
    env_.log.Error("room could not be stored", {{"room", this->id()}, {"error", status.message()}});
    env_.on_lost(this->id());
  };
  return std::make_shared<Journal>(id, *env_.store, env_.shard, std::move(owner), std::move(log));
}

void Room::WhenStored(Journal::Task task) {
  if (journal_ == nullptr) return task(absl::OkStatus());
  // What is folded is not written yet.
  FlushPatch();
  journal_->WhenStored(std::move(task));
}

void Room::PutAside(Journal::Task done) {
  journal_->Save();
  WhenStored(std::move(done));
}

void Room::Erase(Journal::Task done) { journal_->Erase(std::move(done)); }

std::string Room::Head() const { return Describe().SerializeAsString(); }

void Room::KeepAnswer(StoredAnswer answer) {
  if (journal_ != nullptr) *journal_->record().add_answers() = std::move(answer);
}

void Room::CommitMeta(const google::protobuf::Message& meta) {
  if (journal_ != nullptr) journal_->record().set_meta(meta.SerializeAsString());
}

void Room::StoreSettings() {
  *journal_->record().mutable_settings() = Settings();
  journal_->HeadChanged();
}

StoredSettings Room::Settings() const {
  StoredSettings settings;
  settings.set_locked(locked_);
  settings.set_unlisted(unlisted_);
  settings.set_metadata(ToJson(metadata_->of_services));
  settings.set_own_metadata(ToJson(metadata_->own));
  return settings;
}

RoomSnapshot Room::MakeSnapshot() {
  RoomSnapshot snapshot;
  snapshot.set_epoch(epoch());
  snapshot.set_create_time(absl::ToUnixMillis(create_time_));
  snapshot.set_last_activity_time(absl::ToUnixMillis(last_activity_time_));
  snapshot.set_offset(fanout_.offset());
  snapshot.set_patch_offset(patch_offset_);
  snapshot.set_state(typed_->state().SerializeAsString());
  snapshot.set_meta(typed_->meta().SerializeAsString());
  *snapshot.mutable_settings() = Settings();
  for (const auto& [id, member] : members()) *snapshot.add_members() = StoredForm(member.identity);
  idempotency().ForEach(env_.shard.Now(), [&](const StoredAnswer& answer) { *snapshot.add_answers() = answer; });
  return snapshot;
}

void Room::Restore(const RestoredRoom& restored) {
  const RoomSnapshot& room = restored.room;
  restored_ = true;
  typed_->Restore(*restored.state, *restored.meta);
  state_bytes_ = state().Json().size();
  last_activity_time_ = absl::FromUnixMillis(room.last_activity_time());
  patch_offset_ = room.patch_offset();
  fanout_.Restore(room.offset(), restored.history);
  if (room.has_settings()) {
    locked_ = room.settings().locked();
    unlisted_ = room.settings().unlisted();
    metadata_.Get() = {.of_services = ReadObject(room.settings().metadata()),
                       .own = ReadObject(room.settings().own_metadata())};
  }
  for (const StoredAnswer& answer : room.answers()) idempotency().Restore(answer);
  for (const StoredMember& old : room.members()) {
    Member member{.identity = {.id = old.id(), .user_id = old.user_id(), .info = ReadObject(old.info())},
                  .join_time = create_time_,
                  .connected = false};
    company_.Get().members.emplace(old.id(), std::move(member));
    env_.counters.members.Add(1);
  }
}

void Room::ForgetOldMembers() {
  while (!members().empty()) {
    const std::string id = members().begin()->first;
    Leave(id, v1::LEAVE_REASON_CLEANUP, /*tell=*/false).IgnoreError();
  }
}

void Room::Abandon() {
  cleared_ = true;
  SetPendingGone();
  for (const auto& [id, member] : members()) {
    if (member.identity.shard == nullptr) continue;
    fanout_.Remove(member.identity, v1::LEAVE_REASON_CLEANUP, LeftFrame(member.identity, v1::LEAVE_REASON_CLEANUP));
  }
  env_.counters.members.Add(-static_cast<int64_t>(members().size()));
  company_.Get().members.clear();
  env_.shard.Cancel(std::exchange(patch_timer_, 0));
  env_.shard.Cancel(std::exchange(company_.Get().presence_timer, 0));
  env_.shard.Cancel(std::exchange(empty_timer_, 0));
  WatchEmptiness();
}

}  // namespace atrium
