#pragma once

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "server/common/steady_time.h"
#include "server/live/shards/shard.h"

namespace atrium {

class SessionCore;

// The time that a session is without a connection, and what becomes of it meanwhile. After 2 s the others are told.
// After a room's resume window the session is taken out of that room. After the longest of these windows, and no
// earlier than the server's, it ends. All of it runs on the session's shard.
class Absence {
 public:
  explicit Absence(SessionCore& core);
  ~Absence();
  Absence(const Absence&) = delete;
  Absence& operator=(const Absence&) = delete;

  // The session has come into a room, or a room has let go of a member of it.
  void OnJoined(const std::string& room_id);
  void OnRemoved(const std::string& room_id) { leaving_.erase(room_id); }

  // Tells the others that the client is back, if they know that it was away.
  void TellBack() const;

 private:
  // Does what is due; this object may be gone afterwards.
  void Continue();
  void ContinueAfter(absl::Duration delay);
  void TellConnected(bool connected) const;
  absl::Duration AwayFrom(const std::string& room_id) const;
  // Returns how long it is until something is due next.
  absl::Duration NextDue() const;
  // Returns how long after the beginning of the absence the session ends.
  absl::Duration End() const;

  SessionCore& core_;
  const SteadyTime start_;
  // The other members know that the client is away.
  bool told_ = false;
  // These are the rooms that the session came into meanwhile, and those that have been asked to let go of it.
  absl::flat_hash_map<std::string, SteadyTime> joined_;
  absl::flat_hash_set<std::string> leaving_;
  Shard::TimerId timer_ = 0;
};

}  // namespace atrium
