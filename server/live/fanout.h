#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
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
      : channel_(std::make_shared<Channel>(room_id, shards)), sessions_on_(shards) {}

  const std::shared_ptr<Channel>& channel() const { return channel_; }
  // Of the last recorded frame.
  uint64_t offset() const { return offset_; }

  // A session may have several members: itself and components. It gets each frame once. True if this is its first.
  bool Add(const MemberIdentity& member);
  // `left` tells the client; null for none.
  void Remove(const MemberIdentity& member, v1::LeaveReason reason, FramePtr left);

  // All but these members, or only these: a session is among them if any of its members is. Each member once at most.
  using Members = absl::InlinedVector<const MemberIdentity*, 2>;
  Audience AllBut(const Members& members) const;
  Audience Only(const Members& members) const;

  // Each returns how many sessions it was handed to. `event` needs no room id and offset; a volatile one takes none.
  int SendEvent(Event event, bool is_volatile, const Audience& audience);
  int SendPatch(const Patch& patch);
  // `change` needs no room id and offset.
  int SendPresence(v1::MemberChange change);

 private:
  struct ShardSessions {
    Shard* shard = nullptr;
    int count = 0;
  };

  void Count(const MemberIdentity& member, int n);
  EncodingSet encodings() const;
  int Post(Delivery delivery) const;

  const std::shared_ptr<Channel> channel_;
  uint64_t offset_ = 0;
  // Sessions by shard and by encoding.
  std::vector<ShardSessions> sessions_on_;
  std::array<int, kEncodings> sessions_with_{};
  // Members of each session, how many sessions have more than one, and how many members are components.
  absl::flat_hash_map<SessionKey, int> members_of_;
  int shared_sessions_ = 0;
  int components_ = 0;
};

}  // namespace atrium
