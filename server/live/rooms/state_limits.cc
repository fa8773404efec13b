#include "server/live/rooms/state_limits.h"

#include "server/live/rooms/room_errors.h"
#include "server/wire/json.h"

namespace atrium {

absl::Status CheckStateChange(const StateChange& change, const ValueSize& size, size_t max_json_bytes,
                              absl::string_view owner) {
  if (change.TooLarge()) return StateChangeTooLarge(owner);
  const auto limit = static_cast<int64_t>(max_json_bytes);
  const ValueSize& growth = change.growth;
  if (limit > 0 && growth.json > 0 && size.json + growth.json > limit) return StateTooLarge(owner);
  if (growth.proto > 0 && size.proto + growth.proto > kMaxProtoBytes) return StateTooLargeAsProto(owner);
  return change.depth > kMaxJsonDepth ? StateTooDeep(owner) : absl::OkStatus();
}

}  // namespace atrium
