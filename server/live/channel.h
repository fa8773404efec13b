#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/time/time.h"
#include "atrium/v1/resources.pb.h"
#include "server/common/prefetch.h"
#include "server/wire/frames.h"
#include "server/wire/payload.h"

namespace atrium {

// What becomes of what a room has sent to a session that does not read: volatile frames always go first.
enum class SlowPolicy {
  kDisconnect,  // the connection is closed (3008); it may come back, and resume
  kCoalesce,    // one snapshot stands for all of the room's frames that wait
};

// Names a session in this process, for as long as the process lives; or a component, whose keys come out of the same
// row.
using SessionKey = uint64_t;

// A member has left a room.
struct Removal {
  // Of the component that was the member; 0 if it was the session itself.
  SessionKey component = 0;
  v1::LeaveReason reason = v1::LEAVE_REASON_UNSPECIFIED;
  // The frame that tells the client; null when the session has asked for it itself.
  FramePtr left;
};

// A session as rooms see it. On its own shard.
class Subscriber {
 public:
  virtual ~Subscriber() = default;

  // Queues a frame. Must not remove the subscriber from any channel before it returns.
  virtual void Send(const FramePtr& frame) = 0;

  // The room has let go of one of this session's members; if it was the last, nothing of the room follows.
  virtual void OnRemoved(const std::string& room_id, const Removal& removal) = 0;
};

// An event as components hear it.
struct HeardEvent {
  std::string event;
  Payload data;
  std::string sender_id;
  std::string sender_user_id;
  absl::Time time;
};

// A component as rooms see it, beside the session that it belongs to. On its session's shard.
class Listener {
 public:
  virtual ~Listener() = default;
  // Must not remove the listener from any channel before it returns.
  virtual void OnRoomEvent(const std::string& room_id, const HeardEvent& event) = 0;
};

// Who of a room gets a frame: its sessions, and the components that hear of it.
struct Audience {
  enum class Kind { kAll, kExcept, kOnly };
  using Keys = absl::InlinedVector<SessionKey, 2>;
  Kind kind = Kind::kAll;
  // How many of the keys are sessions.
  int sessions = 0;
  // Sessions and components that are left out, or named; sorted.
  Keys keys;

  bool Includes(SessionKey key) const;
  // Not for named members only.
  bool is_public() const { return kind != Kind::kOnly; }
};

// A frame on its way to the members of a room, encoded, and as components hear it if it is an event and any are there.
struct Delivery {
  FramePtr frame;
  std::shared_ptr<const HeardEvent> heard;
  Audience audience;
};

// A room as others name it.
struct RoomIdentity {
  std::string id;
  std::string epoch;
  // In frames (FrameOrigin).
  uint64_t key = 0;
};

// The sessions and components in one room, as each shard knows its own: a room posts one task to a shard, and the shard
// hands the frame to all of them.
//
// Thread safety: each method runs on the shard that it names, and touches only what is that shard's.
class Channel {
 public:
  // What members have to know of a room; the same for all of its type.
  struct Terms {
    // How long a member may be without a connection.
    absl::Duration resume_window;
    SlowPolicy slow_policy = SlowPolicy::kDisconnect;
  };

  Channel(RoomIdentity room, const Terms& terms, int shards) : room_(std::move(room)), terms_(terms), local_(shards) {}

  const RoomIdentity& room() const { return room_; }
  const Terms& terms() const { return terms_; }
  const std::string& room_id() const { return room_.id; }

  // `offset` is that of the last frame that the subscriber has, or will have before it gets one from here.
  void Add(int shard, SessionKey key, Subscriber& subscriber, uint64_t offset);
  // Nothing is handed to a subscriber that pauses; its listeners go on.
  void Pause(int shard, SessionKey key);
  void GoOn(int shard, SessionKey key, uint64_t offset);
  // Of the last recorded frame that came to this shard.
  uint64_t offset(int shard) const { return local_[shard].offset; }
  // Null if it is not there.
  Subscriber* Find(int shard, SessionKey key) const;
  Subscriber* Remove(int shard, SessionKey key);
  void AddListener(int shard, SessionKey key, Listener& listener);
  void RemoveListener(int shard, SessionKey key);
  // Before Deliver, on any shard.
  void PrefetchLocals() const { Prefetch(local_.data(), local_.size() * sizeof(Local)); }
  void Deliver(int shard, const Delivery& delivery);

 private:
  template <typename Target>
  struct Entry {
    SessionKey key;
    Target* target;
    bool paused = false;
  };
  struct Local {
    absl::InlinedVector<Entry<Subscriber>, 2> sessions;
    std::vector<Entry<Listener>> listeners;
    uint64_t offset = 0;
  };

  const RoomIdentity room_;
  const Terms terms_;
  std::vector<Local> local_;
};

}  // namespace atrium
