#pragma once

#include <any>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "atrium/v1/frames.pb.h"
#include "server/common/rare.h"
#include "server/live/rooms/admission.h"
#include "server/live/rooms/member.h"
#include "server/live/rooms/presence.h"
#include "server/live/rooms/undecided_events.h"
#include "server/live/shards/shard.h"

namespace atrium {

// Who is in a room, who is about to be and who watches it, and what the others are still to be told of that. It keeps
// the books; the room decides and tells. While nobody is there it is one null pointer, because most rooms are empty
// most of the time. It lives on the room's shard.
class Roster {
 public:
  using Members = absl::flat_hash_map<std::string, Member>;

  // A join that OnJoin has not decided on yet.
  struct PendingJoin {
    // Whoever joined has gone meanwhile, for this reason.
    std::optional<v1::LeaveReason> gone;
    // The joins of the same member that came behind it, and behind that leave; each waits for the one before.
    std::vector<JoinAttempt> behind;
  };

  const Members& members() const { return company_->members; }
  // Returns null if it is not a member.
  const MemberIdentity* Find(absl::string_view id) const;
  // Returns a member of that user, the one with the least id, or null if there is none: an empty id is nobody's. It
  // looks at all members.
  const MemberIdentity* FindOfUser(absl::string_view user_id) const;
  // Room code counts and sees one more while the OnLeave of one runs whose join was not decided when it left.
  int count() const {
    return static_cast<int>(company_->members.size()) + (company_->unseen_leaver == nullptr ? 0 : 1);
  }
  std::vector<MemberInfo> Infos() const;
  // Returns whether nobody is in the room and no join is pending.
  bool empty() const { return company_->members.empty() && company_->pending.empty(); }
  // Returns how many seats are taken: pending joins hold theirs.
  size_t seats_taken() const { return company_->members.size() + company_->pending.size(); }
  // Returns whether members are listed by name in a room that lists `most`; their list may not take too many bytes.
  bool Lists(int most) const { return count() <= most && company_->listed_bytes <= kMaxMemberListBytes; }
  const absl::flat_hash_map<SessionKey, ObserverIdentity>& observers() const { return company_->observers; }

  // ---- Joins on their way

  // Returns where a join of that member waits: for its join that is pending, or for the end of its leave. Null if there
  // is nothing to wait for.
  std::vector<JoinAttempt>* WaitingBehind(const std::string& member_id);
  // Begins a pending join, which holds a seat until it is decided.
  void BeginJoin(const std::string& member_id) { company_.Get().pending.emplace(member_id, PendingJoin()); }
  PendingJoin EndJoin(const std::string& member_id);
  // The member's OnLeaveAsync begins to run; EndLeave gives out the joins that have waited for its end.
  void BeginLeave(const std::string& member_id) { company_.Get().leaving.try_emplace(member_id); }
  std::vector<JoinAttempt> EndLeave(const std::string& member_id);
  // Who was no member yet leaves: its joins that wait are answered with CANCELLED; the one that is being decided on
  // ends when it has been. Returns whether there was any.
  bool TakeBackJoins(const std::string& member_id, v1::LeaveReason reason);
  // Does the same for everybody, and takes back all events.
  void TakeBackAll();

  // ---- Members

  // Adds a member, of which the others are to be told.
  const Member& Add(Member member);
  // Adds a member that was there when the room was last stored; nobody is there to be told.
  void Restore(Member member);
  // Takes out a member, of which the others are to be told.
  Member Remove(const std::string& member_id, v1::LeaveReason reason);
  // Forgets all members; nobody is to be told.
  void Abandon();
  // Takes what OnJoin has put into the member's private bag.
  std::any TakeMembership(const std::string& member_id);
  // Room code sees the leaver beside the members, until HideLeaver.
  void ShowLeaver(MemberInfo who) { company_.Get().unseen_leaver = std::make_unique<MemberInfo>(std::move(who)); }
  void HideLeaver() { company_.Get().unseen_leaver = nullptr; }
  // Members have another connection, of that encoding. Returns the first of them, or null if none is here.
  const MemberIdentity* Recode(const std::vector<std::string>& members, Encoding encoding);
  // Members have lost their connection, or have one again, of which the others are to be told.
  void SetConnected(const std::vector<std::string>& members, bool connected);

  // Returns the events that wait; those of one who leaves are taken back.
  UndecidedEvents& events() { return company_.Get().undecided; }
  void TakeBackEvents(const std::string& member_id);

  // Adds one who only watches; false if it does already.
  bool AddObserver(const ObserverIdentity& observer);
  std::optional<ObserverIdentity> RemoveObserver(SessionKey key);

  // ---- What is to be told

  // Returns whether anybody came, went or changed since TakeNews.
  bool has_news() const { return company_->presence.changed(); }
  // Takes the frame that tells it, without room id and offset; by name only if the room lists `most` members.
  v1::MemberChange TakeNews(int most) { return company_.Get().presence.Take(members().size(), Lists(most)); }
  // Runs `tell` once after `interval`, if it is not to run already.
  template <typename Tell>
  void TellLater(Shard& shard, absl::Duration interval, Tell tell);
  void CancelTelling(Shard& shard);

  // Gives back the memory if nobody is left, and nothing is to be told of those who were.
  void Shrink();

 private:
  struct Company {
    Members members;
    // The list of all members takes so many bytes.
    int64_t listed_bytes = 0;
    absl::flat_hash_map<std::string, PendingJoin> pending;
    // Members whose OnLeaveAsync runs, with their joins that wait for its end.
    absl::flat_hash_map<std::string, std::vector<JoinAttempt>> leaving;
    UndecidedEvents undecided;
    absl::flat_hash_map<SessionKey, ObserverIdentity> observers;
    std::unique_ptr<MemberInfo> unseen_leaver;
    Presence presence;
    Shard::TimerId telling = 0;
  };

  Rare<Company> company_;
};

template <typename Tell>
void Roster::TellLater(Shard& shard, absl::Duration interval, Tell tell) {
  if (company_->telling != 0) return;
  company_.Get().telling = shard.After(interval, [this, tell] {
    company_.Get().telling = 0;
    tell();
    Shrink();
  });
}

}  // namespace atrium
