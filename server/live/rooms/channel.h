#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/time/time.h"
#include "server/common/fifo.h"
#include "server/common/session_key.h"
#include "server/live/authoring/room_options.h"
#include "server/live/rooms/audience.h"
#include "server/live/rooms/room_identity.h"
#include "server/live/rooms/subscriber.h"
#include "server/live/shards/slices.h"
#include "server/wire/frames.h"

namespace atrium {

class Shard;

// A frame on its way to the members of a room.
struct Delivery {
  FramePtr frame;
  // The same event as components hear it; null if the frame is no event, or no components are there.
  std::shared_ptr<const HeardEvent> heard;
  Audience audience;
};

// Who of this process reads one room: the sessions and components in it, as each shard knows its own. Wherever the room
// itself lives, a frame of it comes to a shard as one task, and the shard hands it to all of its readers. If they are
// more than Slices::kReaders it does so in slices, with other work between them. Each reader gets all frames in their
// order, and none that was posted before it was added.
//
// Thread safety: each method runs on the shard that it names, and touches only what is that shard's.
class Channel final : public Sliced {
 public:
  // What members have to know of a room. It is the same for all rooms of a type.
  struct Terms {
    // How long a member may be without a connection.
    absl::Duration resume_window;
    SlowPolicy slow_policy = SlowPolicy::kDisconnect;
  };

  Channel(RoomIdentity room, const Terms& terms, int shards) : room_(std::move(room)), terms_(terms), local_(shards) {}

  const RoomIdentity& room() const { return room_; }
  const Terms& terms() const { return terms_; }

  // Adds a subscriber, which outlives its stay here. `offset` is that of the last frame that it has, or will have
  // before it gets one from here.
  void Add(const Shard& shard, SessionKey key, Subscriber& subscriber, uint64_t offset);
  // Hands nothing more to the subscriber until GoOn, which says the offset of the last frame that it has got by other
  // ways. The listeners of its components go on.
  void Pause(const Shard& shard, SessionKey key);
  void GoOn(const Shard& shard, SessionKey key, uint64_t offset);
  // Returns the offset of the last recorded frame that this subscriber may have got here.
  uint64_t OffsetOf(const Shard& shard, SessionKey key) const;
  // Both return null if it is not there.
  Subscriber* Find(const Shard& shard, SessionKey key) const;
  Subscriber* Remove(const Shard& shard, SessionKey key);
  void AddListener(const Shard& shard, SessionKey key, Listener& listener);
  void RemoveListener(const Shard& shard, SessionKey key);
  // Hands a frame to the readers of the shard. Returns false if they are too many for one turn and nobody brings frames
  // to them yet: DeliverSome is then to be called in each turn from the next on, until it returns true.
  bool Deliver(const Shard& shard, const std::shared_ptr<const Delivery>& delivery);
  bool DeliverSome(const Shard& shard, size_t& most) override;
  void CatchUp(const Shard& shard, SessionKey key) override;

 private:
  template <typename Target>
  struct Entry {
    SessionKey key;
    Target* target;
    bool paused = false;
    // Deliveries in slices are numbered: this reader has got all up to this one that it is to get.
    uint32_t served = 0;
  };
  // Deliveries in slices. Each reader gets all of them when its turn comes, so that they go out in one write. When all
  // readers have had their turn, those are dropped that were there when the first had it.
  struct Backlog {
    Fifo<std::shared_ptr<const Delivery>> deliveries;
    // These say whose turn is next: first the sessions', then the listeners'.
    size_t next_session = 0;
    size_t next_listener = 0;
    // So many were there when this round began.
    size_t in_round = 0;
  };
  struct Local {
    absl::InlinedVector<Entry<Subscriber>, 2> sessions;
    std::vector<Entry<Listener>> listeners;
    uint64_t offset = 0;
    // This is null if nothing is in slices, as it nearly always is.
    std::unique_ptr<Backlog> backlog;
    // This is the number of the last delivery in slices.
    uint32_t last_number = 0;
  };

  // Hands to a reader what is in slices and it has not got. Returns how many deliveries that were.
  size_t Serve(Local& local, Entry<Subscriber>& session);
  size_t Serve(Local& local, Entry<Listener>& listener);
  template <typename Target, typename Hand>
  static size_t ServeBy(Local& local, Entry<Target>& entry, Hand hand);

  const RoomIdentity room_;
  const Terms terms_;
  std::vector<Local> local_;
};

}  // namespace atrium
