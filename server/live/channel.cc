#include "server/live/channel.h"

#include <algorithm>

namespace atrium {

bool Audience::Includes(SessionKey session) const {
  if (kind == Kind::kAll) return true;
  const bool named = std::binary_search(sessions.begin(), sessions.end(), session);
  return named == (kind == Kind::kOnly);
}

void Channel::Add(int shard, SessionKey key, Subscriber& subscriber) { local_[shard].push_back({key, &subscriber}); }

Subscriber* Channel::Remove(int shard, SessionKey key) {
  std::vector<Entry>& entries = local_[shard];
  const auto it = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.key == key; });
  if (it == entries.end()) return nullptr;
  Subscriber* subscriber = it->subscriber;
  *it = entries.back();
  entries.pop_back();
  return subscriber;
}

void Channel::Deliver(int shard, const FramePtr& frame, const Audience& audience) const {
  for (const Entry& entry : local_[shard]) {
    if (audience.Includes(entry.key)) entry.subscriber->Send(frame);
  }
}

}  // namespace atrium
