#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "server/api/caller.h"
#include "server/live/rooms/member.h"
#include "server/session/behind_the_room.h"
#include "server/session/departures.h"
#include "server/session/seats.h"
#include "server/session/session_env.h"
#include "server/wire/frames.h"

namespace atrium {

class Connection;

// Who the client of a session is: a user by a token that has been verified; or, with --dev, by what it says.
struct SessionClient {
  std::string user_id;
  // This is null with --dev.
  std::shared_ptr<const ClientIdentity> identity = nullptr;

  // Whether it is the same user by a token of the same issuer, or both have none.
  bool IsSameAs(const Caller& caller) const;
};

// The ground that the parts of a session stand on: who its client is, over what that is reached, and in which rooms its
// members are. The parts know it, and not the session that owns them all. Runs on the session's shard.
class SessionCore {
 public:
  SessionCore(SessionEnv& env, SessionKey key, std::string id, SessionClient who);
  SessionCore(const SessionCore&) = delete;
  SessionCore& operator=(const SessionCore&) = delete;

  SessionEnv& env() const { return env_; }
  SessionKey key() const { return key_; }
  const std::string& id() const { return caller_.session_id(); }
  const std::string& user_id() const { return caller_.user_id(); }
  // Returns as whom the client asks.
  const Caller& caller() const { return caller_; }
  // The client has shown another token of its.
  void Refresh(std::shared_ptr<const ClientIdentity> identity) { caller_ = caller_.Refreshed(std::move(identity)); }
  // Returns the session as a member of rooms.
  MemberIdentity Identity() const;
  Seats& seats() { return seats_; }
  const Seats& seats() const { return seats_; }
  Departures& departures() { return departures_; }

  // Returns null while the client has no connection. It has one from Attach to Detach, and may come back over another.
  Connection* connection() const { return connection_; }
  void Attach(Connection& connection);
  void Detach() { connection_ = nullptr; }
  // Returns how many connections there have been. The encoding and the client's IP address are of the last one.
  uint32_t generation() const { return generation_; }
  Encoding encoding() const { return encoding_; }
  const std::string& address() const { return address_; }
  // Returns the encoding for frames that are made for this session alone.
  EncodingSet own_encoding() const { return {encoding_, &env_.deflater}; }

  // Whether the client's grants let it be in a room that it has chosen.
  bool MayBeIn(const std::string& room_id) const;

  // Queues a frame; it is lost while there is no connection.
  void Send(const FramePtr& frame) const;

  // Hands to its members what rooms have for them that deliver in slices.
  void CatchUp() const;

  // Returns a call of `then` for later on this shard, which does nothing once the session is gone. It comes behind what
  // rooms have posted to the session before.
  template <typename Then>
  auto WhileThere(Then then) const {
    return [table = &env_.sessions, key = key_, then = std::move(then)](auto&&... outcome) mutable {
      if (table->Reach(key)) then(std::forward<decltype(outcome)>(outcome)...);
    };
  }
  // Returns the same as what waits for a room: see atrium::BehindTheRoom.
  template <typename Then>
  auto BehindTheRoom(Then then) const {
    return atrium::BehindTheRoom(env_.shard, WhileThere(std::move(then)));
  }

 private:
  // What each frame to the client wants stands together, and first.
  SessionEnv& env_;
  Connection* connection_ = nullptr;
  const SessionKey key_;
  uint32_t generation_ = 0;
  Encoding encoding_ = Encoding::kGrpc;
  Caller caller_;
  Seats seats_;
  Departures departures_;
  std::string address_;
};

}  // namespace atrium
