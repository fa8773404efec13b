#include "server/live/presence.h"

#include <algorithm>
#include <utility>

namespace atrium {

void Presence::Joined(const Member& member) { joined_.push_back(member.ToProto()); }

void Presence::Left(const Member& member, v1::LeaveReason reason) {
  const auto it = std::find_if(joined_.begin(), joined_.end(),
                               [&](const v1::Member& joined) { return joined.id() == member.identity.id; });
  if (it != joined_.end()) {
    joined_.erase(it);
    return;
  }
  v1::Departure& departure = left_.emplace_back();
  *departure.mutable_member() = member.ToProto();
  departure.set_reason(reason);
}

v1::MemberChange Presence::Take(size_t count, bool list) {
  v1::MemberChange change;
  change.set_count(static_cast<int32_t>(count));
  if (list) {
    change.mutable_joined()->Add(joined_.begin(), joined_.end());
    change.mutable_left()->Add(left_.begin(), left_.end());
  }
  joined_.clear();
  left_.clear();
  return change;
}

}  // namespace atrium
