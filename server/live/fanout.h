#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "atrium/v1/frames.pb.h"
#include "server/live/channel.h"
#include "server/live/member.h"
#include "server/wire/frames.h"

namespace atrium {

// Sends a room's frames to its members: numbers them, encodes each once for the encodings that are wanted, and posts
// one task to each shard that has members. On the room's shard.
class Fanout {
 public:
  Fanout(const std::string& room_id, int shards)
      : channel_(std::make_shared<Channel>(room_id, shards)), members_on_(shards) {}

  const std::shared_ptr<Channel>& channel() const { return channel_; }
  // Of the last recorded frame.
  uint64_t offset() const { return offset_; }

  void Add(const MemberIdentity& member) { Count(member, 1); }
  // `left` is the last frame that it gets; null for none.
  void Remove(const MemberIdentity& member, FramePtr left);

  // Each returns how many sessions it was handed to. `event` needs no room id and offset; a volatile one takes none.
  int SendEvent(Event event, bool is_volatile, const Audience& audience);
  int SendPatch(const Patch& patch);
  // `change` needs no room id and offset.
  int SendPresence(v1::MemberChange change);

 private:
  struct ShardMembers {
    Shard* shard = nullptr;
    int count = 0;
  };

  void Count(const MemberIdentity& member, int n);
  EncodingSet encodings() const;
  int Post(const FramePtr& frame, const Audience& audience) const;

  const std::shared_ptr<Channel> channel_;
  uint64_t offset_ = 0;
  // Members by shard and by encoding.
  std::vector<ShardMembers> members_on_;
  std::array<int, kEncodings> members_with_{};
};

}  // namespace atrium
