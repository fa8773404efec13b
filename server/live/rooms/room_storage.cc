#include "server/live/rooms/room_storage.h"

namespace atrium {

void RoomStorage::WhenStored(Journal::Task task) {
  if (journal_ == nullptr) return task(absl::OkStatus());
  journal_->WhenAllStored(std::move(task));
}

void RoomStorage::PutAside(Journal::Task done) {
  journal_->Save();
  journal_->WhenAllStored(std::move(done));
}

void RoomStorage::KeepAnswer(StoredAnswer answer) {
  if (journal_ != nullptr) *journal_->record().add_answers() = std::move(answer);
}

void RoomStorage::StoreNew(const std::string& epoch, absl::Time create_time) {
  if (journal_ == nullptr) return;
  journal_->record().set_epoch(epoch);
  journal_->record().set_create_time(absl::ToUnixMillis(create_time));
  journal_->HeadChanged();
}

void RoomStorage::StoreJoin(const Member& member) {
  if (journal_ != nullptr) *journal_->record().add_members()->mutable_joined() = StoredForm(member);
}

void RoomStorage::StoreLeave(const std::string& member_id) {
  if (journal_ != nullptr) journal_->record().add_members()->set_left(member_id);
}

void RoomStorage::StoreSettings(StoredSettings settings) {
  *journal_->record().mutable_settings() = std::move(settings);
  journal_->HeadChanged();
}

void RoomStorage::StoreAnswers(RoomSnapshot& snapshot, SteadyTime now) {
  idempotency().ForEach(now, [&](const StoredAnswer& answer) { *snapshot.add_answers() = answer; });
}

void RoomStorage::RestoreAnswers(const RoomSnapshot& snapshot, const Moment& now) {
  for (const StoredAnswer& answer : snapshot.answers()) idempotency().Restore(answer, now);
}

StoredMember StoredForm(const Member& member) {
  const MemberIdentity& who = member.identity;
  StoredMember stored;
  stored.set_id(who.id);
  stored.set_user_id(who.user_id);
  if (!who.info.empty()) stored.set_info(ToJson(who.info));
  stored.set_join_time(absl::ToUnixMillis(member.join_time));
  return stored;
}

Member MemberOf(const StoredMember& stored, absl::Time create_time) {
  return {.identity = {.id = stored.id(), .user_id = stored.user_id(), .info = ReadStoredObject(stored.info())},
          .join_time = stored.has_join_time() ? absl::FromUnixMillis(stored.join_time()) : create_time,
          .connected = false};
}

json::object ReadStoredObject(const std::string& text) {
  const absl::StatusOr<json::value> value = ParseJson(text);
  return value.ok() && value->is_object() ? value->get_object() : json::object();
}

}  // namespace atrium
