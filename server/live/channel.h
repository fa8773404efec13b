#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "server/wire/frames.h"

namespace atrium {

// Names a session in this process, for as long as the process lives.
using SessionKey = uint64_t;

// A session as rooms see it. On its own shard.
class Subscriber {
 public:
  virtual ~Subscriber() = default;

  // Queues a frame. Must not remove the subscriber from any channel before it returns.
  virtual void Send(const FramePtr& frame) = 0;

  // The room has let go of this session; nothing of the room follows. `left` is the frame that says so, null when
  // the session itself asked.
  virtual void OnRemoved(const std::string& room_id, const FramePtr& left) = 0;
};

// Which sessions of a room get a frame.
struct Audience {
  enum class Kind { kAll, kExcept, kOnly };
  using Sessions = absl::InlinedVector<SessionKey, 2>;
  Kind kind = Kind::kAll;
  // Sorted.
  Sessions sessions;

  bool Includes(SessionKey session) const;
};

// The sessions in one room, as each shard knows its own: a room posts one task to a shard, and the shard hands the
// frame to all of them.
//
// Thread safety: each method runs on the shard that it names, and touches only what is that shard's.
class Channel {
 public:
  Channel(std::string room_id, int shards) : room_id_(std::move(room_id)), local_(shards) {}

  const std::string& room_id() const { return room_id_; }

  void Add(int shard, SessionKey key, Subscriber& subscriber);
  // Null if it was not there.
  Subscriber* Remove(int shard, SessionKey key);
  void Deliver(int shard, const FramePtr& frame, const Audience& audience) const;

 private:
  struct Entry {
    SessionKey key;
    Subscriber* subscriber;
  };

  const std::string room_id_;
  std::vector<std::vector<Entry>> local_;
};

}  // namespace atrium
