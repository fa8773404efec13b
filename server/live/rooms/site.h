#pragma once

#include <memory>

#include "server/common/session_key.h"
#include "server/live/rooms/channel.h"
#include "server/live/rooms/subscriber.h"
#include "server/live/shards/shard.h"

namespace atrium {

// A place where readers of rooms are, as rooms see it: what a room sends there arrives in order. It outlives the rooms.
// Both methods are called on the room's shard.
class Site {
 public:
  virtual ~Site() = default;

  // Hands the frame to the readers of `channel` that are there.
  virtual void Deliver(const std::shared_ptr<Channel>& channel, const std::shared_ptr<const Delivery>& delivery) = 0;

  // Tells a session that the room has let go of one of its members, or of itself as an observer. With `last`, none is
  // left, and it reads no more there.
  virtual void Remove(const std::shared_ptr<Channel>& channel, SessionKey session, bool last,
                      const Removal& removal) = 0;
};

// One shard of this process.
class LocalSite final : public Site {
 public:
  explicit LocalSite(Shard& shard) : shard_(shard) {}

  void Deliver(const std::shared_ptr<Channel>& channel, const std::shared_ptr<const Delivery>& delivery) override;
  void Remove(const std::shared_ptr<Channel>& channel, SessionKey session, bool last, const Removal& removal) override;

 private:
  Shard& shard_;
};

}  // namespace atrium
