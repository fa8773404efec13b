#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/live/authoring/room_behaviour.h"
#include "server/live/rooms/room_record.pb.h"
#include "server/live/shards/shard.h"
#include "server/wire/patch.h"
#include "server/wire/payload.h"
#include "server/wire/value_size.h"

namespace atrium {

// The public state of a room: JSON that services and members merge into, or what the behaviour of a typed room keeps.
// It knows how large the state is and may become, and when changes of a typed one are gathered for one patch; the room
// sends the patches. It lives on the room's shard.
class RoomState {
 public:
  // The state of an untyped room is `state`; that of a typed one is in `behaviour`, which outlives this.
  RoomState(json::object state, RoomBehaviour* behaviour);

  // Returns the state as the members have it: without what is folded.
  const Payload& Get();

  // Returns the offset of the last patch, which is 0 before the first.
  uint64_t patch_offset() const { return patch_offset_; }
  void set_patch_offset(uint64_t offset) { patch_offset_ = offset; }

  // Whoever changes the state expects no patch behind `expected`, of a room that has come to `offset` of `epoch`:
  // ABORTED if there is one, or the room has not come to that.
  absl::Status CheckExpected(uint64_t expected, absl::string_view epoch, uint64_t offset) const;

  // Merges into the state of an untyped room, and returns what that changes; nothing if the patch is empty. Errors are
  // those of CheckStateChange, and nothing is changed then.
  absl::StatusOr<StateChange> Merge(const json::object& merge, size_t max_json_bytes);
  // Counts what a step of a typed room has changed. Errors as above; the step is to be undone then.
  absl::Status Count(const StateChange& change, size_t max_json_bytes);

  // Gathers what steps of a typed room have changed: `flush` runs once after `interval`, unless TakeFolded comes first.
  void Fold(Shard& shard, absl::Duration interval, Shard::Task flush);
  bool folding() const {
    const Typed* const typed = std::get_if<Typed>(&form_);
    return typed != nullptr && typed->flush != 0;
  }
  // Takes what was gathered; it is folding. The members are to get it.
  StateChange TakeFolded(Shard& shard);
  void CancelFolding(Shard& shard);

  // Says that the members get `change` now, which may become a shorter one that comes to the same.
  void Publish(StateChange& change);

  // Writes what a snapshot keeps of the state of a typed room.
  void Store(RoomSnapshot& snapshot) const;

 private:
  // The state of a typed room, and the timer that runs while changes of it are folded.
  struct Typed {
    RoomBehaviour* behaviour;
    Shard::TimerId flush = 0;
  };

  std::variant<json::object, Typed> form_;
  // This is the size of the state with what is folded.
  ValueSize size_;
  // The state as members have it is kept here until it changes; else this is empty.
  Payload payload_;
  uint64_t patch_offset_ = 0;
};

}  // namespace atrium
