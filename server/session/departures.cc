#include "server/session/departures.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "server/live/rooms/room_identity.h"
#include "server/session/seats.h"

namespace atrium {
namespace {

using Departure = Departures::Departure;

bool IsWritten(const Departure& gone) { return !gone.unsent; }

// Returns whether a client that has come to `position` has heard of the departure `all[i]`, which came to it before
// all that followed in the room, and before all of a later room of the same id.
bool HasHeard(const v1::Position& position, const std::vector<Departure>& all, size_t i, const Seats& seats) {
  const Departure& gone = all[i];
  const uint64_t room = RoomKey(position.epoch());
  if (room == gone.room) return position.offset() > gone.offset;
  const Channel* const now = seats.ChannelOf(gone.room_id);
  if (now != nullptr && now->room().key == room) return true;
  return std::any_of(all.begin() + static_cast<std::ptrdiff_t>(i) + 1, all.end(),
                     [&](const Departure& later) { return later.room == room && later.room_id == gone.room_id; });
}

}  // namespace

void Departures::Add(Departure departure) {
  std::vector<Departure>& all = all_.Get();
  const auto earlier = std::find_if(all.begin(), all.end(), [&](const Departure& gone) {
    return gone.component == departure.component && gone.room_id == departure.room_id;
  });
  if (earlier != all.end()) {
    departure.unsent |= earlier->unsent;
    all.erase(earlier);
  }
  if (all.size() >= kMost) {
    const auto oldest = std::find_if(all.begin(), all.end(), IsWritten);
    if (oldest != all.end()) all.erase(oldest);
  }
  all.push_back(std::move(departure));
}

void Departures::ForgetBefore(SteadyTime time) {
  if (all_->empty()) return;
  std::vector<Departure>& all = all_.Get();
  const auto old = [time](const Departure& gone) { return IsWritten(gone) && gone.time < time; };
  all.erase(std::remove_if(all.begin(), all.end(), old), all.end());
  if (all.empty()) all_.Reset();
}

void Departures::MarkUnsent(uint64_t room, SessionKey component) {
  if (!all_.made()) return;
  for (Departure& gone : all_.Get()) gone.unsent |= gone.room == room && gone.component == component;
}

const Departures::Departure* Departures::Find(const std::string& room_id, SessionKey component) const {
  for (const Departure& gone : *all_) {
    if (gone.component == component && gone.room_id == room_id) return &gone;
  }
  return nullptr;
}

std::vector<Departures::Departure> Departures::TakeOwed(
    const google::protobuf::RepeatedPtrField<v1::RoomPosition>& known, const Seats& seats) {
  std::vector<Departure> all = all_.Take();
  std::vector<Departure> owed;
  if (all.empty()) return owed;
  absl::flat_hash_map<absl::string_view, const v1::Position*> positions;
  for (const v1::RoomPosition& room : known) positions[room.room_id()] = &room.position();
  for (size_t i = 0; i < all.size(); ++i) {
    const auto named = positions.find(all[i].room_id);
    // A client that does not name the room knows that it is not there, or never says what it has.
    const bool heard = named == positions.end() ? IsWritten(all[i]) : HasHeard(*named->second, all, i, seats);
    if (heard) continue;
    owed.push_back(all[i]);
    owed.back().unsent = false;
  }
  // What it is told now may be lost again.
  if (!owed.empty()) all_.Get() = owed;
  return owed;
}

}  // namespace atrium
