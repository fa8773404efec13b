#include "server/live/channel.h"

#include <algorithm>

namespace atrium {
namespace {

template <typename Entries>
auto FindEntry(Entries& entries, SessionKey key) {
  return std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return entry.key == key; });
}

// The target of the entry that was there; else null.
template <typename Entries>
auto RemoveEntry(Entries& entries, SessionKey key) -> decltype(entries.front().target) {
  const auto it = FindEntry(entries, key);
  if (it == entries.end()) return nullptr;
  const auto target = it->target;
  *it = entries.back();
  entries.pop_back();
  return target;
}

}  // namespace

bool Audience::Includes(SessionKey key) const {
  if (kind == Kind::kAll) return true;
  const bool named = std::binary_search(keys.begin(), keys.end(), key);
  return named == (kind == Kind::kOnly);
}

void Channel::Add(int shard, SessionKey key, Subscriber& subscriber) {
  local_[shard].sessions.push_back({key, &subscriber});
}

Subscriber* Channel::Find(int shard, SessionKey key) const {
  const auto it = FindEntry(local_[shard].sessions, key);
  return it == local_[shard].sessions.end() ? nullptr : it->target;
}

Subscriber* Channel::Remove(int shard, SessionKey key) { return RemoveEntry(local_[shard].sessions, key); }

void Channel::AddListener(int shard, SessionKey key, Listener& listener) {
  local_[shard].listeners.push_back({key, &listener});
}

void Channel::RemoveListener(int shard, SessionKey key) { RemoveEntry(local_[shard].listeners, key); }

void Channel::Deliver(int shard, const Delivery& delivery) const {
  for (const auto& [key, session] : local_[shard].sessions) {
    if (delivery.audience.Includes(key)) session->Send(delivery.frame);
  }
  if (delivery.heard == nullptr) return;
  for (const auto& [key, listener] : local_[shard].listeners) {
    if (delivery.audience.Includes(key)) listener->OnRoomEvent(room_id_, *delivery.heard);
  }
}

}  // namespace atrium
