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

void Channel::Add(int shard, SessionKey key, Subscriber& subscriber, uint64_t offset) {
  Local& local = local_[shard];
  local.sessions.push_back({key, &subscriber});
  local.offset = std::max(local.offset, offset);
}

void Channel::Pause(int shard, SessionKey key) {
  const auto it = FindEntry(local_[shard].sessions, key);
  if (it != local_[shard].sessions.end()) it->paused = true;
}

void Channel::GoOn(int shard, SessionKey key, uint64_t offset) {
  Local& local = local_[shard];
  const auto it = FindEntry(local.sessions, key);
  if (it != local.sessions.end()) it->paused = false;
  local.offset = std::max(local.offset, offset);
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

void Channel::Deliver(int shard, const Delivery& delivery) {
  Local& local = local_[shard];
  local.offset = std::max(local.offset, delivery.frame->origin().offset);
  constexpr size_t kAhead = 4;
  for (size_t i = 0; i < local.sessions.size(); ++i) {
    if (i + kAhead < local.sessions.size()) Prefetch(local.sessions[i + kAhead].target);
    const Entry<Subscriber>& session = local.sessions[i];
    if (!session.paused && delivery.audience.Includes(session.key)) session.target->Send(delivery.frame);
  }
  if (delivery.heard == nullptr) return;
  for (const auto& listener : local.listeners) {
    if (delivery.audience.Includes(listener.key)) listener.target->OnRoomEvent(room_.id, *delivery.heard);
  }
}

}  // namespace atrium
