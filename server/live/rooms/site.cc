#include "server/live/rooms/site.h"

namespace atrium {

void LocalSite::Deliver(const std::shared_ptr<Channel>& channel, const std::shared_ptr<const Delivery>& delivery) {
  shard_.Post([&shard = shard_, channel, delivery] {
    if (!channel->Deliver(shard, delivery)) shard.slices().Add(channel);
  });
}

void LocalSite::Remove(const std::shared_ptr<Channel>& channel, SessionKey session, bool last, const Removal& removal) {
  shard_.Post([&shard = shard_, channel, session, last, removal] {
    // What it was to get before comes before.
    channel->CatchUp(shard, session);
    if (removal.component != 0) {
      channel->CatchUp(shard, removal.component);
      channel->RemoveListener(shard, removal.component);
    }
    Subscriber* const subscriber = last ? channel->Remove(shard, session) : channel->Find(shard, session);
    if (subscriber != nullptr) subscriber->OnRemoved(channel->room().id, removal);
  });
}

}  // namespace atrium
