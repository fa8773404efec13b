#include "server/live/rooms/channel.h"

#include <algorithm>

#include "server/live/shards/on_shard.h"
#include "server/live/shards/shard.h"

namespace atrium {
namespace {

template <typename Entries>
auto FindEntry(Entries& entries, SessionKey key) {
  return std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return entry.key == key; });
}

// Removes an entry and returns its target, or null if there is none. With `next` the others keep their order, and
// `*next` still names the entry that it named.
template <typename Entries>
auto RemoveEntry(Entries& entries, SessionKey key, size_t* next) -> decltype(entries.front().target) {
  const auto it = FindEntry(entries, key);
  if (it == entries.end()) return nullptr;
  const auto target = it->target;
  if (next != nullptr) {
    if (static_cast<size_t>(it - entries.begin()) < *next) --*next;
    entries.erase(it);
  } else {
    *it = entries.back();
    entries.pop_back();
  }
  return target;
}

// A reader that has much to get counts as several.
constexpr size_t kDeliveriesPerReader = 8;

}  // namespace

void Channel::Add(const Shard& shard, SessionKey key, Subscriber& subscriber, uint64_t offset) {
  ATRIUM_ON_SHARD(shard);
  Local& local = local_[shard.index()];
  local.sessions.push_back({key, &subscriber, /*paused=*/false, local.last_number});
  local.offset = std::max(local.offset, offset);
}

void Channel::Pause(const Shard& shard, SessionKey key) {
  ATRIUM_ON_SHARD(shard);
  Local& local = local_[shard.index()];
  const auto it = FindEntry(local.sessions, key);
  if (it == local.sessions.end()) return;
  it->paused = true;
  it->served = local.last_number;
}

void Channel::GoOn(const Shard& shard, SessionKey key, uint64_t offset) {
  ATRIUM_ON_SHARD(shard);
  Local& local = local_[shard.index()];
  local.offset = std::max(local.offset, offset);
  const auto it = FindEntry(local.sessions, key);
  if (it == local.sessions.end()) return;
  it->paused = false;
  it->served = local.last_number;
}

uint64_t Channel::OffsetOf(const Shard& shard, SessionKey key) const {
  ATRIUM_ON_SHARD(shard);
  const Local& local = local_[shard.index()];
  const auto it = FindEntry(local.sessions, key);
  if (local.backlog == nullptr || it == local.sessions.end()) return local.offset;
  const Fifo<std::shared_ptr<const Delivery>>& deliveries = local.backlog->deliveries;
  for (size_t i = deliveries.size() - (local.last_number - it->served); i < deliveries.size(); ++i) {
    const uint64_t offset = deliveries[i]->frame->origin().offset;
    if (offset > 0) return offset - 1;
  }
  return local.offset;
}

Subscriber* Channel::Find(const Shard& shard, SessionKey key) const {
  ATRIUM_ON_SHARD(shard);
  const Local& local = local_[shard.index()];
  const auto it = FindEntry(local.sessions, key);
  return it == local.sessions.end() ? nullptr : it->target;
}

Subscriber* Channel::Remove(const Shard& shard, SessionKey key) {
  ATRIUM_ON_SHARD(shard);
  Local& local = local_[shard.index()];
  return RemoveEntry(local.sessions, key, local.backlog == nullptr ? nullptr : &local.backlog->next_session);
}

void Channel::AddListener(const Shard& shard, SessionKey key, Listener& listener) {
  ATRIUM_ON_SHARD(shard);
  Local& local = local_[shard.index()];
  local.listeners.push_back({key, &listener, /*paused=*/false, local.last_number});
}

void Channel::RemoveListener(const Shard& shard, SessionKey key) {
  ATRIUM_ON_SHARD(shard);
  Local& local = local_[shard.index()];
  RemoveEntry(local.listeners, key, local.backlog == nullptr ? nullptr : &local.backlog->next_listener);
}

bool Channel::Deliver(const Shard& shard, const std::shared_ptr<const Delivery>& shared) {
  ATRIUM_ON_SHARD(shard);
  Local& local = local_[shard.index()];
  const Delivery& delivery = *shared;
  local.offset = std::max(local.offset, delivery.frame->origin().offset);
  if (local.backlog != nullptr || std::max(local.sessions.size(), local.listeners.size()) > Slices::kReaders) {
    const bool begins = local.backlog == nullptr;
    if (begins) local.backlog = std::make_unique<Backlog>();
    local.backlog->deliveries.push_back(shared);
    ++local.last_number;
    // Even the first readers wait for the next turn: what else comes in this one then reaches them in the same write.
    return !begins;
  }
  for (const Entry<Subscriber>& session : local.sessions) {
    if (!session.paused && delivery.audience.Includes(session.key)) session.target->Send(delivery.frame);
  }
  if (delivery.heard == nullptr) return true;
  for (const auto& listener : local.listeners) {
    if (delivery.audience.Includes(listener.key)) listener.target->OnRoomEvent(room_.id, *delivery.heard);
  }
  return true;
}

// ---- In slices

bool Channel::DeliverSome(const Shard& shard, size_t& most) {
  ATRIUM_ON_SHARD(shard);
  Local& local = local_[shard.index()];
  if (local.backlog == nullptr) return true;
  Backlog& backlog = *local.backlog;
  while (!backlog.deliveries.empty()) {
    if (backlog.in_round == 0) backlog.in_round = backlog.deliveries.size();
    const auto serve = [&](auto& entries, size_t& next) {
      for (; next < entries.size() && most > 0; ++next) {
        most -= std::min(most, 1 + Serve(local, entries[next]) / kDeliveriesPerReader);
      }
      return next >= entries.size();
    };
    if (!serve(local.sessions, backlog.next_session) || !serve(local.listeners, backlog.next_listener)) return false;
    backlog.next_session = backlog.next_listener = 0;
    for (; backlog.in_round > 0; --backlog.in_round) backlog.deliveries.pop_front();
  }
  local.backlog = nullptr;
  return true;
}

void Channel::CatchUp(const Shard& shard, SessionKey key) {
  ATRIUM_ON_SHARD(shard);
  Local& local = local_[shard.index()];
  if (local.backlog == nullptr) return;
  if (const auto it = FindEntry(local.sessions, key); it != local.sessions.end()) Serve(local, *it);
  if (const auto it = FindEntry(local.listeners, key); it != local.listeners.end()) Serve(local, *it);
}

template <typename Target, typename Hand>
size_t Channel::ServeBy(Local& local, Entry<Target>& entry, Hand hand) {
  const Fifo<std::shared_ptr<const Delivery>>& deliveries = local.backlog->deliveries;
  size_t served = 0;
  // Handing it one may make it pause, which leaves the rest out.
  while (entry.served != local.last_number) {
    const Delivery& delivery = *deliveries[deliveries.size() - (local.last_number - entry.served++)];
    if (!entry.paused && delivery.audience.Includes(entry.key)) hand(delivery);
    ++served;
  }
  return served;
}

size_t Channel::Serve(Local& local, Entry<Subscriber>& session) {
  return ServeBy(local, session, [&](const Delivery& delivery) { session.target->Send(delivery.frame); });
}

size_t Channel::Serve(Local& local, Entry<Listener>& listener) {
  return ServeBy(local, listener, [&](const Delivery& delivery) {
    if (delivery.heard != nullptr) listener.target->OnRoomEvent(room_.id, *delivery.heard);
  });
}

}  // namespace atrium
