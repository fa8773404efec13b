#include "server/live/presence.h"

#include <algorithm>
#include <utility>

namespace atrium {

namespace {

std::vector<v1::Member>::iterator Find(std::vector<v1::Member>& members, const std::string& id) {
  return std::find_if(members.begin(), members.end(), [&](const v1::Member& member) { return member.id() == id; });
}

}  // namespace

void Presence::Joined(const Member& member) { joined_.push_back(member.ToProto()); }

void Presence::Changed(const Member& member) {
  const auto joined = Find(joined_, member.identity.id);
  if (joined != joined_.end()) return joined->set_connected(member.connected);
  const auto changed = Find(changed_, member.identity.id);
  // There and back within a fold is no change.
  if (changed == changed_.end()) {
    changed_.push_back(member.ToProto());
  } else {
    changed_.erase(changed);
  }
}

void Presence::Left(const Member& member, v1::LeaveReason reason) {
  const auto changed = Find(changed_, member.identity.id);
  if (changed != changed_.end()) changed_.erase(changed);
  const auto joined = Find(joined_, member.identity.id);
  if (joined != joined_.end()) {
    joined_.erase(joined);
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
    change.mutable_changed()->Add(changed_.begin(), changed_.end());
  }
  joined_.clear();
  left_.clear();
  changed_.clear();
  return change;
}

}  // namespace atrium
