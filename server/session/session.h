#pragma once

#include <memory>
#include <optional>
#include <string>

#include "server/api/room_api.h"
#include "server/live/channel.h"
#include "server/session/absence.h"
#include "server/session/component_host.h"
#include "server/session/gaps.h"
#include "server/session/rate_limiter.h"
#include "server/session/resume_token.h"
#include "server/session/seats.h"
#include "server/wire/client_request.h"

namespace atrium {

class Connection;
class SessionHub;

// The `snapshot` of a room, as one who joins it is told.
FramePtr MakeSnapshot(const Admission& admission, EncodingSet encoding);

// One client: who it is, which rooms it and its components are in, how fast it may ask. It has one connection at most,
// and survives its loss for a while. Runs on the shard of its hub, which owns it.
class Session final : public Subscriber {
 public:
  // Begin comes next.
  Session(SessionHub& hub, SessionKey key, std::string id, std::string user_id, std::string client);

  const std::string& id() const { return self_.session_id(); }
  const std::string& user_id() const { return self_.user_id(); }
  SessionKey key() const { return key_; }
  // Null while it has none.
  Connection* connection() { return connection_; }
  // Of its connection, or the last one.
  Encoding encoding() const { return encoding_; }
  // That for frames that are made for it alone.
  EncodingSet own_encoding() const;
  const std::string& address() const { return address_; }
  // Counts its connections.
  uint32_t generation() const { return generation_; }
  SessionHub& hub() const { return hub_; }
  const Seats& seats() const { return seats_; }
  Gaps& gaps() { return gaps_; }
  // Null while it has a connection.
  Absence* absence() { return absence_.get(); }
  ComponentHost& components();
  v1::Session Describe() const;

  // Begins with a connection.
  void Begin(Connection& connection);
  // Goes on with another one: sends a welcome and what was missed. The token of `hello` is worth nothing any more,
  // unless the connection is lost before the welcome has been sent.
  void Resume(Connection& connection, const v1::Hello& hello);
  // Its connection is lost, or given up: the session waits for the client to come back. `unsent` is a frame that its
  // queue does not hold any more; null for none. May be called while a room sends to it.
  void Detach(const FramePtr& unsent);
  bool MayResume(absl::string_view token) const;

  // The session as a member of rooms.
  MemberIdentity Self() const;
  // The session or the component of that id; null if it is neither.
  std::optional<MemberIdentity> FindMember(absl::string_view id) const;

  // The ids of its members that are in the room.
  std::vector<std::string> MembersIn(const std::string& room_id) const;
  // Tells the rooms whether it has a connection.
  void TellConnected(bool connected);

  // Answers a frame of the client, now or when the room has decided.
  void OnRequest(ClientRequest&& request);

  // Brings `who`, a member of this session, into a room by server code: the client gets a `snapshot` frame. `told` gets
  // the outcome on this shard, later, before any frame of the room. RESOURCE_EXHAUSTED if the session is in too many
  // rooms; else as RoomApi::Admit.
  void Bring(const Caller& caller, MemberIdentity who, v1::JoinRequest request, JoinDone told);

  // Takes the session and its components out of their rooms; it is destroyed next.
  void End();

  // The queue of its connection is full: Gaps::Coalesce. Or has room again.
  uint64_t Coalesce(Outbox& outbox, const Frame* next) { return gaps_.Coalesce(outbox, next); }
  void OnRoomInQueue() { gaps_.AskNext(); }

  // Lost while there is no connection.
  void Send(const FramePtr& frame) override;
  void OnRemoved(const std::string& room_id, const Removal& removal) override;

 private:
  // As one of its members, itself or a component.
  Caller AsMember(std::string member_id) const;
  // As whoever of its members is in the room: itself, else a component.
  Caller AsMemberOf(const std::string& room_id) const;
  // The member that emits.
  absl::StatusOr<Caller> AsEmitter(const v1::EmitRequest& request) const;

  void Join(const Caller& caller, MemberIdentity who, v1::JoinRequest request, JoinDone told);
  void OnAdmission(const std::string& room_id, SessionKey component, Encoding encoding,
                   absl::StatusOr<Admission> admission, JoinDone told);
  // Tells the client of a room's state as an admission has it: by the frame made of that, or by a snapshot.
  void SendState(const FramePtr& frame, const Admission& admission);
  void SendSnapshot(const Admission& admission);
  // Of a request that came over the connection of that generation; not over a later one, whose ids are its own.
  bool Answers(uint32_t generation) const { return connection_ != nullptr && generation == generation_; }
  void JoinForClient(uint32_t id, v1::JoinRequest request);
  // Answers a request of the client, whose `name` is for errors.
  template <typename Response>
  Done<Response> Answer(uint32_t id, absl::string_view name, Response* (v1::Reply::*result)());
  // Runs a verb of the API; its answer comes back through the shard's mailbox, behind the room's frames.
  template <typename Request, typename Response>
  void Ask(uint32_t id, absl::string_view name, const Caller& caller,
           void (RoomApi::*verb)(const Caller&, WithPayload<Request>, Done<Response>), WithPayload<Request> request,
           Response* (v1::Reply::*result)());
  void Leave(uint32_t id, v1::LeaveRequest request);
  void Emit(uint32_t id, absl::string_view name, WithPayload<v1::EmitRequest> request);
  void Call(uint32_t id, absl::string_view name, WithPayload<v1::CallRequest> request);
  void Attach(Connection& connection, bool resumed);
  void TellLeft(const std::string& room_id, const std::string& member_id);
  // The client names rooms that the session is not in any more: what told it of that has been lost.
  void TellGone(const google::protobuf::RepeatedPtrField<v1::RoomPosition>& known);

  // What each frame from and to the client wants stands together, and first.
  SessionHub& hub_;
  Connection* connection_ = nullptr;
  Gaps gaps_;
  const SessionKey key_;
  uint32_t generation_ = 0;
  Encoding encoding_ = Encoding::kGrpc;
  // As which it asks; knows its ids.
  const Caller self_;
  // Null until the first mount.
  std::unique_ptr<ComponentHost> components_;
  RateLimiter rate_;
  Seats seats_;
  std::unique_ptr<Absence> absence_;
  ResumeToken resume_token_;
  // That the client has if the last welcome has not been sent; else none.
  ResumeToken previous_token_;
  std::string address_;
  const std::string client_;
  const absl::Time create_time_;
};

}  // namespace atrium
