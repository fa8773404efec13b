#include "server/session/seats.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "server/live/rooms/room_errors.h"

namespace atrium {
namespace {

absl::Status TooManyRooms(int limit) {
  return MakeError(absl::StatusCode::kResourceExhausted, "TOO_MANY_ROOMS",
                   absl::StrCat("A session may be in ", limit, " rooms"));
}

}  // namespace

void Seats::Forget(SessionKey component) {
  const auto gone = [component](const Component& each) { return each.key == component; };
  components_.erase(std::remove_if(components_.begin(), components_.end(), gone), components_.end());
}

std::string Seats::IdOf(SessionKey component) const {
  if (component == 0) return session_id_;
  for (const Component& each : components_) {
    if (each.key == component) return each.id;
  }
  return "";
}

absl::Status Seats::Reserve(const std::string& room_id, SessionKey component, int max_rooms) {
  if (Seat* seat = FindSeat(room_id, component)) {
    ++seat->joins;
    return absl::OkStatus();
  }
  if (max_rooms > 0 && static_cast<int>(rooms_.size()) >= max_rooms && !rooms_.contains(room_id)) {
    return TooManyRooms(max_rooms);
  }
  rooms_[room_id].seats.push_back({.component = component, .joins = 1});
  return absl::OkStatus();
}

void Seats::Admitted(const std::string& room_id, SessionKey component, std::shared_ptr<Channel> channel, bool granted) {
  rooms_[room_id].channel = std::move(channel);
  Seat& seat = *FindSeat(room_id, component);
  seat.in = true;
  seat.granted = granted;
  --seat.joins;
}

void Seats::Unchanged(const std::string& room_id, SessionKey component) {
  --FindSeat(room_id, component)->joins;
  Tidy(room_id, component);
}

void Seats::MarkBrought(const std::string& room_id, SessionKey component) {
  if (Seat* const seat = FindSeat(room_id, component)) seat->granted = false;
}

void Seats::Remove(const std::string& room_id, SessionKey component) {
  Seat* const seat = FindSeat(room_id, component);
  if (seat == nullptr) return;
  seat->in = false;
  Tidy(room_id, component);
}

void Seats::Tidy(const std::string& room_id, SessionKey component) {
  InRoom& room = rooms_.at(room_id);
  const auto gone = [&](const Seat& seat) { return seat.component == component && !seat.in && seat.joins == 0; };
  room.seats.erase(std::remove_if(room.seats.begin(), room.seats.end(), gone), room.seats.end());
  if (absl::c_none_of(room.seats, [](const Seat& seat) { return seat.in; })) room.channel = nullptr;
  if (room.seats.empty()) rooms_.erase(room_id);
}

const Seats::InRoom* Seats::Find(const std::string& room_id) const {
  const auto it = rooms_.find(room_id);
  return it == rooms_.end() ? nullptr : &it->second;
}

Caller::Entry Seats::EntryTo(const std::string& room_id, absl::string_view member_id) const {
  const InRoom* const room = Find(room_id);
  if (room == nullptr) return Caller::Entry::kNone;
  for (const Seat& seat : room->seats) {
    if (IdOf(seat.component) != member_id) continue;
    return seat.in && !seat.granted ? Caller::Entry::kBrought : Caller::Entry::kGranted;
  }
  return Caller::Entry::kNone;
}

std::vector<Seats::Granted> Seats::GrantedSeats() const {
  std::vector<Granted> granted;
  for (const auto& [room_id, room] : rooms_) {
    for (const Seat& seat : room.seats) {
      if (seat.in && seat.granted) granted.push_back({room_id, IdOf(seat.component)});
    }
  }
  return granted;
}

Channel* Seats::ChannelOf(const std::string& room_id) const {
  const InRoom* const room = Find(room_id);
  return room == nullptr ? nullptr : room->channel.get();
}

bool Seats::IsIn(const std::string& room_id, SessionKey component) const {
  const InRoom* const room = Find(room_id);
  return room != nullptr &&
         absl::c_any_of(room->seats, [component](const Seat& seat) { return seat.component == component && seat.in; });
}

std::vector<std::string> Seats::MembersIn(const std::string& room_id) const {
  std::vector<std::string> ids;
  const InRoom* const room = Find(room_id);
  if (room == nullptr) return ids;
  for (const Seat& seat : room->seats) {
    if (seat.in) ids.push_back(IdOf(seat.component));
  }
  return ids;
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
