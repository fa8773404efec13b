#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/support/json_patch.h"
#include "tests/support/room_world.h"

namespace atrium::testing {

// The history of all rooms as their members tell it: whatever two of them say of the same place must be the same.
class SharedHistory {
 public:
  // Epoch and offset.
  using Place = std::pair<std::string, uint64_t>;
  using Complain = std::function<void(const std::string&)>;
  explicit SharedHistory(Complain complain) : complain(std::move(complain)) {}

  void SawFrame(const Place& place, const std::string& room, const v1::ServerFrame& frame) {
    const auto [it, first] = frames.emplace(place, frame.SerializeAsString());
    if (!first && it->second != frame.SerializeAsString()) Differ(room, place, frame.ShortDebugString());
    // The reply to who emitted it may be lost.
    if (!frame.event().sender_id().empty()) addresses[place].not_for.insert(frame.event().sender_id());
    if (!frame.has_member()) return;
    for (const v1::Departure& gone : frame.member().left())
      departures[{place.first, gone.member().id()}].insert(place.second);
  }

  void SawState(const Place& place, const std::string& room, const json::value& state) {
    const auto [it, first] = states.emplace(place, state);
    if (!first && it->second != state) Differ(room, place, ToJson(it->second) + " and " + ToJson(state));
    if (!absl::StartsWith(room, "scripted:") && !absl::StartsWith(room, "waiting:")) return;
    // What the steps of the rooms keep; half a step breaks it.
    if (state.at("left") != state.at("right")) complain(absl::StrCat(room, ": half a step: ", ToJson(state)));
    if (state.at("late") != json::value(false)) complain(absl::StrCat(room, ": changed after a deadline"));
  }

  void Differ(const std::string& room, const Place& place, const std::string& what) {
    complain(absl::StrCat(room, " has two truths at ", place.second, ": ", what));
  }

  // Who gets the event at a place, by member id, unless all do.
  struct Address {
    std::set<std::string> not_for, only_for;
    bool Includes(const std::string& id) const {
      return !not_for.contains(id) && (only_for.empty() || only_for.contains(id));
    }
  };

  const Complain complain;
  std::map<Place, std::string> frames;
  std::map<Place, json::value> states;
  std::map<Place, Address> addresses;
  // Where who left an epoch.
  std::map<std::pair<std::string, std::string>, std::set<uint64_t>> departures;
};

// What a client knows: of each room that it is in a snapshot and the frames since.
class ClientModel {
 public:
  struct Copy {
    std::string room, epoch;
    uint64_t since = 0, offset = 0;
    json::value state;
    std::set<uint64_t> received;
  };

  ClientModel(Client& client, SharedHistory& history) : client_(client), history_(history) {
    client_.on_frame = [this](const v1::ServerFrame& frame) { OnFrame(frame); };
  }

  const std::map<std::string, Copy>& rooms() const { return rooms_; }

  // What it has received is all that it was to receive: of the rooms that it has left, and of those it is in, where
  // the room is at `offset` now.
  void CheckGaps(const std::map<std::string, uint64_t>& offset_of) const {
    // By epoch, where it came back.
    std::map<std::string, uint64_t> came_back;
    for (const auto& [room, copy] : rooms_) {
      CheckGaps(copy, offset_of.at(room));
      came_back[copy.epoch] = copy.since;
    }
    for (auto copy = ended_.rbegin(); copy != ended_.rend(); ++copy) {
      CheckGaps(*copy, EndOf(*copy, came_back.try_emplace(copy->epoch, UINT64_MAX).first->second));
      came_back[copy->epoch] = copy->since;
    }
  }

  // What it would say in a hello.
  std::vector<v1::RoomPosition> Known() const {
    std::vector<v1::RoomPosition> known;
    for (const auto& [room, copy] : rooms_) {
      v1::RoomPosition& position = known.emplace_back();
      position.set_room_id(room);
      position.mutable_position()->set_epoch(copy.epoch);
      position.mutable_position()->set_offset(copy.offset);
    }
    return known;
  }

  void Disconnected() {
    disconnected_ = true;
    for (auto& [room, copy] : rooms_) ended_.push_back(std::move(copy));
    rooms_.clear();
  }

 private:
  void Complain(const std::string& what) const { history_.complain(absl::StrCat(client_.name(), ": ", what)); }

  void OnFrame(const v1::ServerFrame& frame) {
    if (frame.has_snapshot()) {
      const v1::Snapshot& snapshot = frame.snapshot();
      if (rooms_.contains(snapshot.room().id())) {
        // The reply to its leave may be lost, and it was brought in again.
        if (client_.lost_requests() == 0) Complain("a snapshot of a room that it is in");
        Exit(snapshot.room().id(), /*must=*/true);
      }
      Enter(snapshot.room().id(), snapshot.position(), snapshot.state());
    } else if (frame.has_reply()) {
      OnReply(frame.reply());
    } else if (frame.has_left()) {
      // It may have been brought in and taken out while it had no connection.
      Exit(frame.left().room_id(), /*must=*/client_.lost_requests() == 0);
    } else if (frame.has_event()) {
      OnRoomFrame(frame.event().room_id(), frame.event().offset(), frame);
    } else if (frame.has_patch()) {
      OnRoomFrame(frame.patch().room_id(), frame.patch().offset(), frame);
    } else if (frame.has_member()) {
      OnRoomFrame(frame.member().room_id(), frame.member().offset(), frame);
    }
  }

  void OnReply(const v1::Reply& reply) {
    const v1::ClientFrame& asked = client_.Sent(reply.id());
    if (reply.has_join()) Enter(asked.join().room_id(), reply.join().position(), reply.join().state());
    if (reply.has_leave()) Exit(asked.leave().room_id(), /*must=*/false);
    if (reply.has_emit() && reply.emit().has_position()) {
      history_.addresses[{reply.emit().position().epoch(), reply.emit().position().offset()}].not_for.insert(
          client_.id());
    }
  }

  void Enter(const std::string& room, const v1::Position& position, const google::protobuf::Value& state) {
    const json::value value = *FromProtoValue(state);
    history_.SawState({position.epoch(), position.offset()}, room, value);
    // A join of a room that it is in already tells it what it knows.
    const auto [copy, first] = rooms_.try_emplace(room);
    if (!first && copy->second.epoch != position.epoch()) Complain(room + " is another, and it was not told");
    if (!first) return;
    copy->second = {room, position.epoch(), position.offset(), position.offset(), value, {}};
  }

  void Exit(const std::string& room, bool must) {
    const auto copy = rooms_.extract(room);
    if (copy) {
      ended_.push_back(copy.mapped());
    } else if (must) {
      Complain(absl::StrCat("left of ", room, ", where it is not"));
    }
  }

  void OnRoomFrame(const std::string& room, uint64_t offset, const v1::ServerFrame& frame) {
    const auto it = rooms_.find(room);
    if (it == rooms_.end()) return Complain(absl::StrCat(room, ", where it is not, sends ", frame.ShortDebugString()));
    Copy& copy = it->second;
    if (frame.event().event() == "undone") Complain(room + ": something of a step that failed came out");
    if (offset == 0) return;
    if (offset <= copy.offset) Complain(absl::StrCat(room, ": ", offset, " comes after ", copy.offset));
    history_.SawFrame({copy.epoch, offset}, room, frame);
    copy.offset = offset;
    copy.received.insert(offset);
    if (!ApplyToCopy(frame.patch().operations(), copy.state)) Complain(room + ": a patch that does not apply");
    history_.SawState({copy.epoch, offset}, room, copy.state);
  }

  // The last place that a client was to see of a room that it has left, and came back to at `came_back`: before its
  // departure, if anybody was there to see that. When its connection has gone once, and with it what was on its way,
  // perhaps the word that it is back in a room, the last that came.
  uint64_t EndOf(const Copy& copy, uint64_t came_back) const {
    if (disconnected_ || client_.lost_requests() > 0) return copy.offset;
    const auto it = history_.departures.find({copy.epoch, client_.id()});
    if (it != history_.departures.end()) {
      const auto departure = it->second.upper_bound(copy.since);
      if (departure != it->second.end() && *departure <= came_back) return *departure - 1;
    }
    return copy.offset;
  }

  void CheckGaps(const Copy& copy, uint64_t end) const {
    for (uint64_t offset = copy.since + 1; offset <= end; ++offset) {
      const auto address = history_.addresses.find({copy.epoch, offset});
      const bool wanted = address == history_.addresses.end() || address->second.Includes(client_.id());
      if (copy.received.contains(offset) == wanted) continue;
      // Its own event, which nobody else has seen, and of which the reply is lost.
      if (wanted && client_.lost_requests() > 0 && !history_.frames.contains({copy.epoch, offset})) continue;
      Complain(absl::StrCat(copy.room, " from ", copy.since, " to ", end, ": ", wanted ? "misses " : "has ", offset));
    }
  }

  Client& client_;
  SharedHistory& history_;
  std::map<std::string, Copy> rooms_;
  std::vector<Copy> ended_;
  bool disconnected_ = false;
};

}  // namespace atrium::testing
