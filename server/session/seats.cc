#include "server/session/seats.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/live/room_errors.h"

namespace atrium {
namespace {

absl::Status TooManyRooms(int limit) {
  return MakeError(absl::StatusCode::kResourceExhausted, "TOO_MANY_ROOMS",
                   absl::StrCat("A session may be in ", limit, " rooms"));
}

}  // namespace

absl::Status Seats::Begin(const std::string& room_id, SessionKey component, int max_rooms) {
  if (const Seat* seat = FindSeat(room_id, component)) return seat->pending ? JoinPending() : absl::OkStatus();
  if (max_rooms > 0 && static_cast<int>(rooms_.size()) >= max_rooms && !rooms_.contains(room_id)) {
    return TooManyRooms(max_rooms);
  }
  rooms_[room_id].seats.push_back({component, /*pending=*/true});
  return absl::OkStatus();
}

void Seats::Admitted(const std::string& room_id, SessionKey component, std::shared_ptr<Channel> channel) {
  InRoom& room = rooms_[room_id];
  room.channel = std::move(channel);
  if (Seat* seat = FindSeat(room_id, component)) {
    seat->pending = false;
  } else {
    room.seats.push_back({component, /*pending=*/false});
  }
}

void Seats::Refused(const std::string& room_id, SessionKey component) {
  const Seat* const seat = FindSeat(room_id, component);
  if (seat != nullptr && seat->pending) Remove(room_id, component);
}

void Seats::Remove(const std::string& room_id, SessionKey component) {
  const auto it = rooms_.find(room_id);
  if (it == rooms_.end()) return;
  auto& seats = it->second.seats;
  seats.erase(std::remove_if(seats.begin(), seats.end(), [&](const Seat& seat) { return seat.component == component; }),
              seats.end());
  if (seats.empty()) rooms_.erase(it);
}

const Seats::InRoom* Seats::Find(const std::string& room_id) const {
  const auto it = rooms_.find(room_id);
  return it == rooms_.end() ? nullptr : &it->second;
}

std::vector<std::string> Seats::RoomsOf(SessionKey component) const {
  std::vector<std::string> ids;
  for (const auto& [room_id, room] : rooms_) {
    const auto mine = [&](const Seat& seat) { return seat.component == component; };
    if (std::any_of(room.seats.begin(), room.seats.end(), mine)) ids.push_back(room_id);
  }
  return ids;
}

Seats::Seat* Seats::FindSeat(const std::string& room_id, SessionKey component) {
  const auto it = rooms_.find(room_id);
  if (it == rooms_.end()) return nullptr;
  for (Seat& seat : it->second.seats) {
    if (seat.component == component) return &seat;
  }
  return nullptr;
}

}  // namespace atrium
