#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/time/time.h"
#include "atrium/v1/frames.pb.h"
#include "server/common/steady_time.h"
#include "server/live/rooms/channel.h"
#include "server/live/rooms/history.h"
#include "server/live/rooms/journal.h"
#include "server/live/rooms/member.h"
#include "server/live/rooms/site.h"
#include "server/wire/frames.h"

namespace atrium {

// Sends a room's frames to its members: numbers them, encodes each once for the encodings that are wanted, and hands it
// to each site that has members. It lives on the room's shard.
class Fanout {
 public:
  // What all rooms of a type on one shard have in common.
  struct Env {
    int shards = 1;
    HistoryLimits history;
    Channel::Terms terms;
    // This is the deflater of the room's shard.
    Deflater* deflater = nullptr;
  };

  // With a `journal`, recorded frames are written to that, and nothing goes out before it is stored. It and `env`
  // outlive it.
  Fanout(RoomIdentity room, const Env& env, Journal* journal)
      : room_(std::move(room)), env_(env), journal_(journal), history_(env.history, env.deflater) {}

  // Goes on behind frame `offset`, which with those before it is in `history`, as far as they are kept.
  void Restore(uint64_t offset, const std::vector<StoredFrame>& history, const Moment& now);

  const RoomIdentity& room() const { return room_; }
  // Returns the channel of those who read the room. When all of them have gone and others come, it is another one.
  const std::shared_ptr<Channel>& channel() { return readers().channel; }
  // Returns the offset of the last recorded frame.
  uint64_t offset() const { return offset_; }

  // Adds a member. A session may have several members, itself and components, but gets each frame once. Returns whether
  // this is its first.
  bool Add(const MemberIdentity& member);
  // Removes a member. `left` is the frame that tells its client, or null.
  void Remove(const MemberIdentity& member, v1::LeaveReason reason, FramePtr left);

  // Makes the frames of the member's session in the encoding that the member has now.
  void Recode(const MemberIdentity& member);

  // Adds a reader of everything that is public. It is no member, and counts in no answer.
  void AddObserver(const ObserverIdentity& observer) { readers().Count(observer.site, observer.encoding, 0, 1); }
  // Removes one; nothing of the room comes to it behind what is posted now.
  void RemoveObserver(const ObserverIdentity& observer);

  // Return all but these members, or only these; each is given once at most. A session is left out if all of its
  // members are, and named if any of them is.
  using Members = absl::InlinedVector<const MemberIdentity*, 2>;
  Audience AllBut(const Members& members) const;
  Audience Only(const Members& members) const;

  // Each returns how many sessions the frame was handed to. `event` needs its time, but no room id and origin; a
  // volatile one takes no offset.
  int SendEvent(Event event, bool is_volatile, const Audience& audience, SteadyTime now);
  int SendPatch(const Patch& patch, const Moment& now);
  // `change` needs no room id and offset.
  int SendPresence(v1::MemberChange change, const Moment& now);

  History& history() { return history_; }

 private:
  struct SiteReaders {
    Site* site;
    int sessions = 0;
    int observers = 0;
  };

  struct SessionMembers {
    int members = 0;
    // The session's frames are made in this encoding, which is that of its first member until it is recoded.
    Encoding encoding;
  };
  // Those whom the room's frames go to.
  struct Readers {
    Readers(const RoomIdentity& room, const Env& env)
        : channel(std::make_shared<Channel>(room, env.terms, env.shards)), encodings(env.deflater) {}

    void Count(Site* site, Encoding encoding, int sessions, int observers);

    const std::shared_ptr<Channel> channel;
    // They are counted by the sites where any are, and by encoding.
    absl::InlinedVector<SiteReaders, 2> on;
    std::array<int, kEncodings> with{};
    // These are the encodings that somebody has.
    EncodingSet encodings;
    int count = 0;
    // Members of each session, how many sessions have more than one, and how many members are components.
    absl::flat_hash_map<SessionKey, SessionMembers> members_of;
    int shared_sessions = 0;
    int components = 0;
  };

  Readers& readers();
  // Gives back their memory if there are none any more.
  void ForgetReaders();
  EncodingSet encodings() const;
  FrameOrigin NextOrigin() { return {.room = room_.key, .offset = ++offset_}; }
  int Record(Delivery delivery, const Moment& now);
  int Post(Delivery delivery) const;
  // Runs `post` when all that was recorded up to now is stored, and never if the log refuses that.
  template <typename PostTask>
  void PostWhenStored(PostTask post) const;

  const RoomIdentity room_;
  const Env& env_;
  Journal* const journal_;
  uint64_t offset_ = 0;
  History history_;
  // This is null while nobody reads, because most rooms are empty most of the time.
  std::unique_ptr<Readers> readers_;
};

}  // namespace atrium
