#pragma once

#include <memory>
#include <vector>

#include "atrium/v1/frames.pb.h"
#include "server/live/rooms/member.h"

namespace atrium {

// Folds who came and went into member frames, so that n joins cost O(n) bytes a round and not O(n^2). Who came and left
// within a fold is not told. It lives on the room's shard.
class Presence {
 public:
  // In a room of up to so many members, each change is told at once.
  static constexpr size_t kAtOnce = 32;

  void Joined(const Member& member);
  void Left(const Member& member, v1::LeaveReason reason);
  // The member's connection was lost, or it came back.
  void Changed(const Member& member);

  bool changed() const { return fold_ != nullptr && !fold_->empty(); }

  // Takes the frame for all that changed in a room that has `count` members now; the room's id and the offset are not
  // set. Without `list` only the count is told.
  v1::MemberChange Take(size_t count, bool list);

 private:
  struct Fold {
    bool empty() const { return joined.empty() && left.empty() && changed.empty(); }

    std::vector<v1::Member> joined;
    std::vector<v1::Departure> left;
    std::vector<v1::Member> changed;
  };

  Fold& fold() { return fold_ == nullptr ? *(fold_ = std::make_unique<Fold>()) : *fold_; }

  // The pointer is null between folds, because most rooms are quiet most of the time.
  std::unique_ptr<Fold> fold_;
};

}  // namespace atrium
