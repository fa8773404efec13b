#include "server/live/rooms/presence.h"

#include <algorithm>
#include <utility>

namespace atrium {

namespace {

// A frame that tells members by name may have so many bytes.
constexpr size_t kMaxPresenceBytes = 1 << 20;

template <typename Message>
void MoveInto(google::protobuf::RepeatedPtrField<Message>& to, std::vector<Message>& from) {
  to.Reserve(static_cast<int>(from.size()));
  for (Message& message : from) *to.Add() = std::move(message);
}

std::vector<v1::Member>::iterator Find(std::vector<v1::Member>& members, const std::string& id) {
  return std::find_if(members.begin(), members.end(), [&](const v1::Member& member) { return member.id() == id; });
}

}  // namespace

void Presence::Joined(const Member& member) { fold().joined.push_back(member.ToProto()); }

void Presence::Changed(const Member& member) {
  std::vector<v1::Member>& joined = fold().joined;
  std::vector<v1::Member>& changed = fold().changed;
  const auto new_one = Find(joined, member.identity.id);
  if (new_one != joined.end()) return new_one->set_connected(member.connected);
  const auto known = Find(changed, member.identity.id);
  // A member that is there and back within a fold has not changed.
  if (known == changed.end()) {
    changed.push_back(member.ToProto());
  } else {
    changed.erase(known);
  }
}

void Presence::Left(const Member& member, v1::LeaveReason reason) {
  std::vector<v1::Member>& joined = fold().joined;
  std::vector<v1::Member>& changed = fold().changed;
  const auto known = Find(changed, member.identity.id);
  if (known != changed.end()) changed.erase(known);
  const auto new_one = Find(joined, member.identity.id);
  if (new_one != joined.end()) {
    joined.erase(new_one);
    return;
  }
  v1::Departure& departure = fold().left.emplace_back();
  *departure.mutable_member() = member.ToProto();
  departure.set_reason(reason);
}

v1::MemberChange Presence::Take(size_t count, bool list) {
  v1::MemberChange change;
  change.set_count(static_cast<int32_t>(count));
  const std::unique_ptr<Fold> fold = std::move(fold_);
  if (list && fold != nullptr) {
    MoveInto(*change.mutable_joined(), fold->joined);
    MoveInto(*change.mutable_left(), fold->left);
    MoveInto(*change.mutable_changed(), fold->changed);
    // Ten thousand that left at once, say, would take more than a client has to read.
    if (change.ByteSizeLong() > kMaxPresenceBytes) {
      change.clear_joined();
      change.clear_left();
      change.clear_changed();
    }
  }
  return change;
}

}  // namespace atrium
