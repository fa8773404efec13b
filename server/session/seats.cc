#include "server/session/seats.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
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
  if (Seat* seat = FindSeat(room_id, component)) {
    if (seat->joining) return JoinPending();
    seat->joining = true;
    return absl::OkStatus();
  }
  if (max_rooms > 0 && static_cast<int>(rooms_.size()) >= max_rooms && !rooms_.contains(room_id)) {
    return TooManyRooms(max_rooms);
  }
  rooms_[room_id].seats.push_back({.component = component, .joining = true});
  return absl::OkStatus();
}

void Seats::Admitted(const std::string& room_id, SessionKey component, std::shared_ptr<Channel> channel) {
  rooms_[room_id].channel = std::move(channel);
  Seat& seat = *FindSeat(room_id, component);
  seat.in = true;
  seat.joining = false;
}

void Seats::Unchanged(const std::string& room_id, SessionKey component) {
  FindSeat(room_id, component)->joining = false;
  Tidy(room_id, component);
}

void Seats::Remove(const std::string& room_id, SessionKey component) {
  Seat* const seat = FindSeat(room_id, component);
  if (seat == nullptr) return;
  seat->in = false;
  Tidy(room_id, component);
}

void Seats::Tidy(const std::string& room_id, SessionKey component) {
  InRoom& room = rooms_.at(room_id);
  const auto gone = [&](const Seat& seat) { return seat.component == component && !seat.in && !seat.joining; };
  room.seats.erase(std::remove_if(room.seats.begin(), room.seats.end(), gone), room.seats.end());
  if (absl::c_none_of(room.seats, [](const Seat& seat) { return seat.in; })) room.channel = nullptr;
  if (room.seats.empty()) rooms_.erase(room_id);
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
