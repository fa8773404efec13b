#pragma once

#include <utility>

#include "absl/status/statusor.h"
#include "server/common/rare.h"
#include "server/live/rooms/room_record.pb.h"
#include "server/wire/json.h"

namespace atrium {

// The metadata by which others find a room: what services have set, and what its own code has, which goes first. It
// lives on the room's shard.
class RoomMetadata {
 public:
  // Returns both as one object.
  json::object All() const;

  void SetOfServices(json::object metadata) { parts_.Get().of_services = std::move(metadata); }
  void SetOwn(json::object metadata) { parts_.Get().own = std::move(metadata); }
  // Returns the room's own metadata as they would be with `keys` set, where null takes a key away. RESOURCE_EXHAUSTED
  // if that is too large.
  absl::StatusOr<json::object> OwnWith(const json::object& keys) const;

  // Write to and read from what the log keeps.
  void Store(StoredSettings& settings) const;
  void Restore(const StoredSettings& settings);

 private:
  struct Parts {
    json::object of_services;
    json::object own;
  };

  Rare<Parts> parts_;
};

}  // namespace atrium
