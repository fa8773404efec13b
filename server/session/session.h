#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "server/session/absence.h"
#include "server/session/client_requests.h"
#include "server/session/component_host.h"
#include "server/session/gaps.h"
#include "server/session/joins.h"
#include "server/session/rate_limiter.h"
#include "server/session/resume_token.h"
#include "server/session/session_core.h"

namespace atrium {

// One client's session. It has one connection at most, and survives its loss for a while. It puts its parts together:
// they answer the client's requests, bring its members into rooms, run its components, and see to what its client does
// not get. Runs on the shard of its hub, which owns it.
class Session final : private Joins::Owner {
 public:
  // Start comes next. `client` is how the client's program calls itself.
  Session(SessionEnv& env, SessionKey key, std::string id, SessionClient who, std::string client);

  const SessionCore& core() const { return core_; }
  const std::string& id() const { return core_.id(); }
  SessionKey key() const { return core_.key(); }
  uint32_t generation() const { return core_.generation(); }
  RateLimiter& rate() { return rate_; }
  Gaps& gaps() { return gaps_; }
  // Whether it waits for its client to come back.
  bool away() const { return absence_ != nullptr; }
  v1::Session Describe() const;

  // It counts as a session of its user while it lives.
  void set_place(std::unique_ptr<const UserSessions::Place> place) { place_ = std::move(place); }

  // Takes its first connection.
  void Start(Connection& connection);
  // Goes on with another one: sends a welcome and what was missed. The token of `hello` is worth nothing any more,
  // unless the connection is lost before the welcome has been sent.
  void Resume(Connection& connection, const v1::Hello& hello);
  // Waits for the client to come back: the connection is lost, or given up.
  void Detach();
  bool MayResume(absl::string_view token) const;

  // The client has shown another token of the same user, whose grants count from now on: it is taken out of rooms that
  // it had entered by a grant that is gone.
  void Refresh(std::shared_ptr<const ClientIdentity> identity);
  // Whether its token is no good any more, so that its connection is to be closed.
  bool TokenHasExpired() const;
  // Tells the client once if its token expires soon.
  void TellOfExpiry();

  // Takes the session and its components out of their rooms; it is destroyed next.
  void End();

  // Answers a frame of the client, now or when the room has decided.
  void OnRequest(ClientRequest&& request);
  // The first says that the queue of the connection is within its bound again, the second that half of it is free.
  void OnQueueWithinBound();
  void OnRoomInQueue() { requests_.has_late() ? requests_.AskLate() : gaps_.AskNext(); }

  // Returns the session or its component of that id, as a member of rooms; nothing if it is neither.
  std::optional<MemberIdentity> FindMember(absl::string_view id) const;
  // Brings a member into a room by server code: see Joins::Bring.
  void Bring(const Caller& caller, MemberIdentity who, v1::JoinRequest request, JoinDone told);

 private:
  // Joins::Owner.
  void Send(const FramePtr& frame) override;
  void OnRemoved(const std::string& room_id, const Removal& removal) override;
  void OnJoined(SessionKey component, const std::string& room_id, Channel& channel) override;

  // Goes over to the connection and greets the client.
  void Attach(Connection& connection, bool resumed);
  // Tells a client that has come back which members have left rooms without its hearing of it. Of a room that it names
  // and nothing is known of, it is told for the session itself, without a reason.
  void TellDepartures(const google::protobuf::RepeatedPtrField<v1::RoomPosition>& known);

  // A member has been let go of by a room where it still has its seat: the client may have to be told of it later.
  void Remember(const std::string& room_id, const Removal& removal);

  // What each frame from and to the client wants stands together, and first.
  SessionCore core_;
  Gaps gaps_;
  ClientRequests requests_;
  RateLimiter rate_;
  Joins joins_;
  ComponentHost components_;
  // This is null while there is a connection.
  std::unique_ptr<Absence> absence_;
  bool told_expiring_ = false;
  // This is null where sessions are not counted.
  std::unique_ptr<const UserSessions::Place> place_;
  ResumeToken resume_token_;
  // The client has this one if the last welcome has not been sent; else it is none.
  ResumeToken previous_token_;
  const std::string client_;
  const absl::Time create_time_;
};

}  // namespace atrium
