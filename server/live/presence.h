#pragma once

#include <memory>
#include <vector>

#include "atrium/v1/frames.pb.h"
#include "server/live/member.h"

namespace atrium {

// Folds who came and went into member frames, so that n joins cost O(n) bytes a round and not O(n^2); who came and left
// within a fold is not told. On the room's shard.
class Presence {
 public:
  // Up to so many members, everybody is told of at once.
  static constexpr size_t kAtOnce = 32;

  void Joined(const Member& member);
  void Left(const Member& member, v1::LeaveReason reason);
  // Its connection was lost, or came back.
  void Changed(const Member& member);

  bool changed() const { return fold_ != nullptr && !fold_->empty(); }

  // The frame for all that changed, in a room that has `count` members now; room id and offset are not set. Without
  // `list` only the count is told.
  v1::MemberChange Take(size_t count, bool list);

 private:
  struct Fold {
    bool empty() const { return joined.empty() && left.empty() && changed.empty(); }

    std::vector<v1::Member> joined;
    std::vector<v1::Departure> left;
    std::vector<v1::Member> changed;
  };

  Fold& fold() { return fold_ == nullptr ? *(fold_ = std::make_unique<Fold>()) : *fold_; }

  // Null between folds: most rooms are quiet most of the time.
  std::unique_ptr<Fold> fold_;
};

}  // namespace atrium
