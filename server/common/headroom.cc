#include "server/common/headroom.h"

#include "absl/strings/str_cat.h"
#include "server/common/system_memory.h"

namespace atrium {
namespace {

constexpr double kHigh = 0.8;
constexpr double kScarce = 0.9;

}  // namespace

void Headroom::Look() {
  if (limits_.memory_bytes == 0) return;
  const double part = static_cast<double>(ResidentMemory()) / static_cast<double>(limits_.memory_bytes);
  pressure_ = part > kScarce ? Pressure::kScarce : part > kHigh ? Pressure::kHigh : Pressure::kNone;
}

absl::Status Headroom::ForRoom(int64_t running) {
  if (limits_.rooms == 0 || running < limits_.rooms) return MemoryFor("rooms");
  refusals_.Count(Limit::kRooms, limits_.rooms);
  return LimitError(LimitName(Limit::kRooms), "server", limits_.rooms,
                    absl::StrCat("the server has ", running, " rooms, which is its limit"));
}

absl::Status Headroom::ForSession() { return MemoryFor("sessions"); }

absl::Status Headroom::MemoryFor(absl::string_view newcomers) {
  if (pressure_.load(std::memory_order_relaxed) == Pressure::kNone) return absl::OkStatus();
  refusals_.Count(Limit::kMemory, limits_.memory_bytes);
  return LimitError(LimitName(Limit::kMemory), "server", limits_.memory_bytes,
                    absl::StrCat("the server is short of memory: it takes no new ", newcomers, " for now"));
}

}  // namespace atrium
