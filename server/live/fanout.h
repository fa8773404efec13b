#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/time/time.h"
#include "atrium/v1/frames.pb.h"
#include "server/common/prefetch.h"
#include "server/live/channel.h"
#include "server/live/history.h"
#include "server/live/journal.h"
#include "server/live/member.h"
#include "server/wire/frames.h"

namespace atrium {

// Sends a room's frames to its members: numbers them, encodes each once for the encodings that are wanted, and posts
// one task to each shard that has members. On the room's shard.
class Fanout {
 public:
  // The same for all rooms of a type on one shard.
  struct Env {
    int shards = 1;
    HistoryLimits history;
    Channel::Terms terms;
    // Of the room's shard.
    Deflater* deflater = nullptr;
  };

  // With a `journal`, recorded frames are written to that, and nothing goes out before it is stored. It and `env`
  // outlive it.
  Fanout(RoomIdentity room, const Env& env, Journal* journal)
      : room_(std::move(room)), env_(env), journal_(journal), history_(env.history, env.deflater) {}

  // Goes on behind frame `offset`, which with those before it is in `history`, as far as they are kept.
  void Restore(uint64_t offset, const std::vector<StoredFrame>& history);

  const RoomIdentity& room() const { return room_; }
  // To those who read it; another when all of them have gone and others come.
  const std::shared_ptr<Channel>& channel() { return readers().channel; }
  // Of the last recorded frame.
  uint64_t offset() const { return offset_; }

  // What is needed first for any frame; then, for those who get it.
  void PrefetchParts() const {
    Prefetch(readers_.get());
    history_.PrefetchEnd();
  }
  void PrefetchChannel() const {
    if (readers_ != nullptr) Prefetch(readers_->channel.get());
  }

  // A session may have several members: itself and components. It gets each frame once. True if this is its first.
  bool Add(const MemberIdentity& member);
  // `left` tells the client; null for none.
  void Remove(const MemberIdentity& member, v1::LeaveReason reason, FramePtr left);

  // The member's session goes on in the encoding that is the member's now.
  void Recode(const MemberIdentity& member);

  // A reader of everything that is public, who is no member: it counts in no answer.
  void AddObserver(const ObserverIdentity& observer) { readers().Count(observer.shard, observer.encoding, 0, 1); }
  // Nothing of the room follows what is posted now.
  void RemoveObserver(const ObserverIdentity& observer);

  // All but these members, or only these: a session is among them if any of its members is. Each member once at most.
  using Members = absl::InlinedVector<const MemberIdentity*, 2>;
  Audience AllBut(const Members& members) const;
  Audience Only(const Members& members) const;

  // Each returns how many sessions it was handed to. `event` needs no room id and origin, but its time; a volatile one
  // takes no offset.
  int SendEvent(Event event, bool is_volatile, const Audience& audience);
  int SendPatch(const Patch& patch, absl::Time now);
  // `change` needs no room id and offset.
  int SendPresence(v1::MemberChange change, absl::Time now);

  History& history() { return history_; }

 private:
  struct ShardSessions {
    Shard* shard = nullptr;
    int sessions = 0;
    int observers = 0;
  };

  struct SessionMembers {
    int members = 0;
    // That its frames are made in: of its first member, until it is recoded.
    Encoding encoding;
  };
  // Whom its frames go to.
  struct Readers {
    Readers(const RoomIdentity& room, const Env& env)
        : channel(std::make_shared<Channel>(room, env.terms, env.shards)), on(env.shards) {}

    void Count(Shard* shard, Encoding encoding, int sessions, int observers);

    const std::shared_ptr<Channel> channel;
    // By shard, and all of them by encoding.
    absl::InlinedVector<ShardSessions, 2> on;
    std::array<int, kEncodings> with{};
    int count = 0;
    // Members of each session, how many sessions have more than one, and how many members are components.
    absl::flat_hash_map<SessionKey, SessionMembers> members_of;
    int shared_sessions = 0;
    int components = 0;
  };

  Readers& readers();
  // If there are none any more.
  void ForgetReaders();
  EncodingSet encodings() const;
  FrameOrigin NextOrigin() { return {.room = room_.key, .offset = ++offset_}; }
  int Record(Delivery delivery, absl::Time now);
  int Post(Delivery delivery) const;
  // Runs `post` when what it tells of is stored.
  template <typename PostTask>
  void WhenStored(PostTask post) const;

  const RoomIdentity room_;
  const Env& env_;
  Journal* const journal_;
  uint64_t offset_ = 0;
  History history_;
  // Null while nobody reads: most rooms are empty most of the time.
  std::unique_ptr<Readers> readers_;
};

}  // namespace atrium
