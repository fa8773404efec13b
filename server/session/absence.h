#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "server/live/channel.h"
#include "server/live/shard.h"
#include "server/wire/frames.h"

namespace atrium {

class Session;

// The time that a session is without a connection: what is kept for its client, and what becomes of the session
// meanwhile. After 2 s the others are told; after a room's resume window it is taken out of that room; after the
// longest of them, and no earlier than the server's, it ends. On its shard.
class Absence {
 public:
  explicit Absence(Session& session);
  ~Absence();
  Absence(const Absence&) = delete;
  Absence& operator=(const Absence&) = delete;

  // The session has come into a room, or a room has let go of its member, of which `left` (null for none) tells the
  // client.
  void OnJoined(const std::string& room_id);
  void OnRemoved(const std::string& room_id, FramePtr left);
  void Keep(FramePtr left) { lefts_.push_back(std::move(left)); }

  // What the client is told first of all when it comes back.
  const std::vector<FramePtr>& lefts() const { return lefts_; }
  // The others know of it.
  bool told() const { return told_; }

 private:
  // Does what is due; this object may be gone then.
  void Continue();
  void ContinueAfter(absl::Duration delay);
  absl::Duration AwayFrom(const std::string& room_id) const;
  // When something is due next, from the beginning on.
  absl::Duration NextDue() const;
  // From the beginning on.
  absl::Duration End() const;

  Session& session_;
  const absl::Time start_;
  bool told_ = false;
  std::vector<FramePtr> lefts_;
  // Rooms that the session came into meanwhile, and those that are asked to let go of it.
  absl::flat_hash_map<std::string, absl::Time> joined_;
  absl::flat_hash_set<std::string> leaving_;
  Shard::TimerId timer_ = 0;
};

}  // namespace atrium
