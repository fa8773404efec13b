#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "tests/support/scripted_room.h"

namespace atrium::testing {

// What the hooks of a room may do and when, in the plainest terms.
class RoomModel final : public Witness {
 public:
  using Tell = std::function<void(const std::string&)>;
  // `note` is told all that the rooms do, `complain` what they may not.
  RoomModel(const RoomOptions& options, std::function<absl::Time()> now, Tell note, Tell complain)
      : options_(options), now_(std::move(now)), note_(std::move(note)), complain_(std::move(complain)) {}

  struct Life {
    enum Phase { kNew, kCreating, kOpen, kDestroying, kOver } phase = kNew;
    // By ticket of the OnJoin.
    std::map<int, std::pair<std::string, absl::Time>> deciding;  // until its deadline it holds a seat
    std::map<int, std::string> members;
    // Those whose OnJoin said yes at its deadline or later: that may have come before, or not.
    std::map<int, std::string> perhaps;
  };
  // The rooms that are.
  const std::map<int, Life>& lives() const { return lives_; }

  void Begins(int room, absl::string_view hook, int ticket, const std::string& member) override {
    note_(absl::StrCat("    room ", room, ": ", hook, " of ", member, ", ticket ", ticket));
    names_.emplace(ticket, member);
    Life& life = lives_[room];
    const auto must = [&](bool good, absl::string_view rule) {
      if (!good) complain_(absl::StrCat("room ", room, ": ", hook, " of ", member, ": ", rule));
    };
    if (hook == "create") {
      must(life.phase == Life::kNew, "comes first, and once");
      life.phase = Life::kCreating;
    } else if (hook == "join") {
      std::erase_if(life.deciding, [&](const auto& entry) { return entry.second.second <= now_(); });
      must(life.phase == Life::kOpen, "after OnCreate, before OnDestroy");
      for (const auto& [other, name] : life.members) must(name != member, "is a member already");
      for (const auto& [other, name] : life.deciding) must(name.first != member, "is being decided already");
      const size_t seats = life.members.size() + life.deciding.size();
      must(options_.max_members == 0 || seats < static_cast<size_t>(options_.max_members), "the room is full");
      const bool for_ever = options_.hook_deadline == absl::ZeroDuration();
      life.deciding[ticket] = {member, for_ever ? absl::InfiniteFuture() : now_() + options_.hook_deadline};
    } else if (hook == "leave") {
      const std::string known = life.members.contains(ticket) ? life.members[ticket] : life.perhaps[ticket];
      must(known == member, "one for each OnJoin that said yes, with its membership");
      life.members.erase(ticket);
      life.perhaps.erase(ticket);
    } else if (hook == "destroy") {
      must(life.phase == Life::kOpen && life.members.empty(), "of an empty room");
      life.phase = Life::kDestroying;
    } else if (hook == "timer") {
      must(life.phase != Life::kNew && life.phase != Life::kOver,
           "after OnCreate has begun, before OnDestroy said yes");
    } else {
      must(life.phase == Life::kOpen, "after OnCreate, before OnDestroy");
    }
  }

  void Ends(int room, absl::string_view hook, int ticket, bool yes) override {
    if (hook == "create" || hook == "join" || hook == "destroy") {
      note_(absl::StrCat("    room ", room, ": ", hook, ", ticket ", ticket, ", ends: ", yes ? "yes" : "no"));
    }
    Life& life = lives_[room];
    if (hook == "create") life.phase = yes ? Life::kOpen : Life::kOver;
    if (hook == "destroy") life.phase = yes ? Life::kOver : Life::kOpen;
    if (hook != "join") return;
    const auto deciding = life.deciding.extract(ticket);
    if (!yes) return;
    // Not there: others have begun to join since its deadline.
    const bool in_time = deciding && now_() < deciding.mapped().second;
    (in_time ? life.members : life.perhaps)[ticket] = names_[ticket];
  }

  void Gone(int room) override {
    note_(absl::StrCat("    room ", room, " is gone"));
    for (const auto& [ticket, name] : lives_[room].members) {
      complain_(absl::StrCat("room ", room, " is gone, and ", name, " had no OnLeave"));
    }
    lives_.erase(room);
  }

 private:
  const RoomOptions& options_;
  const std::function<absl::Time()> now_;
  const Tell note_, complain_;
  std::map<int, Life> lives_;
  // By ticket.
  std::map<int, std::string> names_;
};

}  // namespace atrium::testing
