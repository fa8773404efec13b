#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "server/common/fifo.h"
#include "server/live/rooms/emission.h"
#include "server/live/rooms/typed_room.h"

namespace atrium {

// An event that OnEventAsync has not decided on yet.
struct PendingEvent : UndecidedEvent {
  PendingEvent(Emission emission, EmitDone done);

  const EmitOptions options;
  const bool include_self;
  EmitDone done;
};
using PendingEventPtr = std::shared_ptr<PendingEvent>;

// The events of members that wait for OnEventAsync, those of each member in their order. The first one of a member is
// being decided on. It lives on the room's shard.
class UndecidedEvents {
 public:
  bool empty() const { return by_sender_.empty(); }

  // Puts an event behind those of its sender, which it must have. Returns whether it is the first, which is to be
  // decided on now; RESOURCE_EXHAUSTED if too many wait already.
  absl::StatusOr<bool> Add(const PendingEventPtr& event);
  // Drops the sender's first event, which has been decided on, and returns the next, or null if there is none.
  PendingEventPtr Next(const std::string& sender_id);
  // The sender leaves: its events are answered with CANCELLED, but the one that is being decided on ends when it has
  // been.
  void TakeBack(const std::string& sender_id);
  void TakeBackAll();

 private:
  static void TakeBack(Fifo<PendingEventPtr>& events);

  absl::flat_hash_map<std::string, Fifo<PendingEventPtr>> by_sender_;
};

}  // namespace atrium
