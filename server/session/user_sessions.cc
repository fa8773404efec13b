#include "server/session/user_sessions.h"

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"

namespace atrium {

absl::StatusOr<std::unique_ptr<const UserSessions::Place>> UserSessions::Enter(const ClientIdentity& user) {
  int most = most_;
  if (user.max_connections && (most == 0 || *user.max_connections < most)) most = *user.max_connections;
  Part& part = PartOf(user.subject);
  const MutexLock lock(part.mutex);
  int& sessions = part.sessions[user.subject];
  if (most == 0 || sessions < most) {
    ++sessions;
    return std::make_unique<const Place>(*this, user.subject);
  }
  refusals_.Count(Limit::kUserSessions, most);
  return LimitError(LimitName(Limit::kUserSessions), "user", most,
                    absl::StrCat("the user has ", sessions, " sessions, which is its limit"));
}

void UserSessions::Leave(const std::string& user) {
  Part& part = PartOf(user);
  const MutexLock lock(part.mutex);
  const auto it = part.sessions.find(user);
  if (--it->second == 0) part.sessions.erase(it);
}

UserSessions::Part& UserSessions::PartOf(absl::string_view user) {
  return parts_[absl::Hash<absl::string_view>()(user) % parts_.size()];
}

}  // namespace atrium
