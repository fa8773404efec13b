#include "server/live/rooms/roster.h"

#include "server/live/rooms/room_errors.h"

namespace atrium {
namespace {

void Cancel(std::vector<JoinAttempt>& joins) {
  for (JoinAttempt& join : std::exchange(joins, {})) join.done(LeftBeforeItsJoin());
}

void Cancel(Roster::PendingJoin& join, v1::LeaveReason reason) {
  join.gone = reason;
  Cancel(join.behind);
}

}  // namespace

const MemberIdentity* Roster::Find(absl::string_view id) const {
  const auto it = members().find(id);
  return it == members().end() ? nullptr : &it->second.identity;
}

const MemberIdentity* Roster::FindOfUser(absl::string_view user_id) const {
  const MemberIdentity* found = nullptr;
  if (user_id.empty()) return found;
  for (const auto& [id, member] : members()) {
    if (member.identity.user_id == user_id && (found == nullptr || id < found->id)) found = &member.identity;
  }
  return found;
}

std::vector<MemberInfo> Roster::Infos() const {
  std::vector<MemberInfo> infos;
  infos.reserve(members().size());
  for (const auto& [id, member] : members()) infos.push_back(InfoOf(member.identity));
  if (company_->unseen_leaver) infos.push_back(*company_->unseen_leaver);
  return infos;
}

// ---- Joins on their way

std::vector<JoinAttempt>* Roster::WaitingBehind(const std::string& member_id) {
  if (!company_.made()) return nullptr;
  Company& company = company_.Get();
  if (const auto it = company.pending.find(member_id); it != company.pending.end()) return &it->second.behind;
  const auto it = company.leaving.find(member_id);
  return it == company.leaving.end() ? nullptr : &it->second;
}

Roster::PendingJoin Roster::EndJoin(const std::string& member_id) {
  return std::move(company_.Get().pending.extract(member_id).mapped());
}

std::vector<JoinAttempt> Roster::EndLeave(const std::string& member_id) {
  return std::move(company_.Get().leaving.extract(member_id).mapped());
}

bool Roster::TakeBackJoins(const std::string& member_id, v1::LeaveReason reason) {
  if (!company_.made()) return false;
  Company& company = company_.Get();
  if (const auto it = company.pending.find(member_id); it != company.pending.end()) {
    Cancel(it->second, reason);
    return true;
  }
  const auto it = company.leaving.find(member_id);
  if (it == company.leaving.end() || it->second.empty()) return false;
  Cancel(it->second);
  return true;
}

void Roster::TakeBackAll() {
  if (!company_.made()) return;
  Company& company = company_.Get();
  for (auto& [id, join] : company.pending) Cancel(join, v1::LEAVE_REASON_CLEANUP);
  for (auto& [id, joins] : company.leaving) Cancel(joins);
  company.undecided.TakeBackAll();
}

// ---- Members

const Member& Roster::Add(Member member) {
  Company& company = company_.Get();
  std::string id = member.identity.id;
  const Member& added = company.members.emplace(std::move(id), std::move(member)).first->second;
  company.listed_bytes += ListedBytes(added.identity);
  company.presence.Joined(added);
  return added;
}

void Roster::Restore(Member member) {
  Company& company = company_.Get();
  company.listed_bytes += ListedBytes(member.identity);
  std::string id = member.identity.id;
  company.members.emplace(std::move(id), std::move(member));
}

Member Roster::Remove(const std::string& member_id, v1::LeaveReason reason) {
  Company& company = company_.Get();
  Member member = std::move(company.members.extract(member_id).mapped());
  company.listed_bytes -= ListedBytes(member.identity);
  company.presence.Left(member, reason);
  return member;
}

void Roster::Abandon() {
  if (!company_.made()) return;
  company_.Get().members.clear();
  company_.Get().listed_bytes = 0;
}

std::any Roster::TakeMembership(const std::string& member_id) {
  return std::move(company_.Get().members.at(member_id).membership);
}

const MemberIdentity* Roster::Recode(const std::vector<std::string>& members, Encoding encoding) {
  if (!company_.made()) return nullptr;
  const MemberIdentity* first = nullptr;
  for (const std::string& id : members) {
    const auto it = company_.Get().members.find(id);
    if (it == company_->members.end()) continue;
    it->second.identity.encoding = encoding;
    if (first == nullptr) first = &it->second.identity;
  }
  return first;
}

void Roster::SetConnected(const std::vector<std::string>& members, bool connected) {
  if (!company_.made()) return;
  Company& company = company_.Get();
  for (const std::string& id : members) {
    const auto it = company.members.find(id);
    if (it == company.members.end() || it->second.connected == connected) continue;
    it->second.connected = connected;
    company.presence.Changed(it->second);
  }
}

void Roster::TakeBackEvents(const std::string& member_id) {
  if (!company_->undecided.empty()) company_.Get().undecided.TakeBack(member_id);
}

bool Roster::AddObserver(const ObserverIdentity& observer) {
  return company_.Get().observers.emplace(observer.key, observer).second;
}

std::optional<ObserverIdentity> Roster::RemoveObserver(SessionKey key) {
  if (!company_.made()) return std::nullopt;
  const auto watching = company_.Get().observers.extract(key);
  if (!watching) return std::nullopt;
  return watching.mapped();
}

// ---- What is to be told

void Roster::CancelTelling(Shard& shard) {
  if (company_.made()) shard.Cancel(std::exchange(company_.Get().telling, 0));
}

void Roster::Shrink() {
  const bool anybody = !empty() || !company_->leaving.empty() || !company_->undecided.empty() ||
                       !company_->observers.empty() || company_->unseen_leaver != nullptr;
  if (!anybody && company_->telling == 0 && !has_news()) company_.Reset();
}

}  // namespace atrium
