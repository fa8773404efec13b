#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/live/authoring/hooks.h"
#include "server/live/authoring/room_list_change.h"
#include "server/live/shards/shard.h"
#include "server/live/shards/turns.h"
#include "server/wire/payload.h"

namespace atrium {

// An event that a step sends if it ends well.
struct StagedEvent {
  std::string event;
  Payload data;
  // If this is set, it goes instead of `data`.
  std::optional<std::string> binary;
  EmitOptions options;
};

// What the code of a room can do and ask for in its steps; LiveRoomBase says what comes of each. It outlives the code,
// and is used on the room's shard.
class RoomContext {
 public:
  virtual const std::string& id() const = 0;
  virtual int MemberCount() const = 0;
  virtual std::vector<MemberInfo> Members() const = 0;
  virtual Shard& shard() const = 0;

  virtual void Emit(StagedEvent event) = 0;
  virtual void SetMetadata(const json::object& keys) = 0;

  virtual Awaitable<absl::Status> Offload(absl::AnyInvocable<void()> work, Share share) = 0;
  virtual Awaitable<void> Delay(absl::Duration delay) = 0;
  virtual Awaitable<absl::Status> Turn(std::shared_ptr<Turns> turns, Share share) = 0;
  virtual Awaitable<void> WatchRooms(std::function<void(const RoomListChange&)> on_change) = 0;

  // Starts a timer, which runs every `delay` with `repeat`.
  virtual Shard::TimerId StartTimer(absl::Duration delay, std::function<void()> task, bool repeat) = 0;
  virtual void CancelTimer(Shard::TimerId timer) = 0;

 protected:
  ~RoomContext() = default;
};

}  // namespace atrium
