#pragma once

#include <memory>
#include <optional>
#include <string>

#include "server/api/room_api.h"
#include "server/live/channel.h"
#include "server/session/component_host.h"
#include "server/session/rate_limiter.h"
#include "server/session/seats.h"

namespace atrium {

class Connection;
class SessionHub;

// The `snapshot` of a room, as one who joins it is told.
FramePtr MakeSnapshot(const Admission& admission, Encoding encoding);

// One client: who it is, which rooms it and its components are in, how fast it may ask. Runs on the shard of its hub,
// which owns it.
class Session final : public Subscriber {
 public:
  Session(SessionHub& hub, Connection& connection, SessionKey key, std::string id, std::string user_id,
          std::string client);

  const std::string& id() const { return id_; }
  const std::string& user_id() const { return user_id_; }
  SessionKey key() const { return key_; }
  Connection& connection() { return connection_; }
  SessionHub& hub() const { return hub_; }
  const Seats& seats() const { return seats_; }
  ComponentHost& components();
  v1::Session Describe() const;

  // The session as a member of rooms.
  MemberIdentity Self() const;
  // The session or the component of that id; null if it is neither.
  std::optional<MemberIdentity> FindMember(absl::string_view id) const;

  // Answers a frame of the client, now or when the room has decided.
  void OnRequest(ClientRequest request);

  // Brings `who`, a member of this session, into a room by server code: the client gets a `snapshot` frame. `told` gets
  // the outcome on this shard, later, before any frame of the room. RESOURCE_EXHAUSTED if the session is in too many
  // rooms; else as RoomApi::Admit.
  void Bring(const Caller& caller, MemberIdentity who, v1::JoinRequest request, JoinDone told);

  // Takes the session and its components out of their rooms; it is destroyed next.
  void End();

  void Send(const FramePtr& frame) override;
  void OnRemoved(const std::string& room_id, const Removal& removal) override;

 private:
  Caller AsCaller() const { return AsCaller(id_); }
  Caller AsCaller(std::string member_id) const;
  // As whoever of its members is in the room: itself, else a component.
  Caller AsMemberOf(const std::string& room_id) const;
  // The member that emits.
  absl::StatusOr<Caller> AsEmitter(const v1::EmitRequest& request) const;

  void Join(const Caller& caller, MemberIdentity who, v1::JoinRequest request, JoinDone told);
  void OnAdmission(const std::string& room_id, SessionKey component, absl::StatusOr<Admission> admission,
                   JoinDone told);
  void JoinForClient(uint32_t id, v1::JoinRequest request);
  // Answers a request of the client, whose `name` is for errors.
  template <typename Response>
  Done<Response> Answer(uint32_t id, absl::string_view name, Response* (v1::Reply::*result)());
  // Runs a verb of the API; its answer comes back through the shard's mailbox, behind the room's frames.
  template <typename Request, typename Response>
  void Ask(uint32_t id, absl::string_view name, Caller caller,
           void (RoomApi::*verb)(const Caller&, WithPayload<Request>, Done<Response>), WithPayload<Request> request,
           Response* (v1::Reply::*result)());
  void Emit(uint32_t id, absl::string_view name, WithPayload<v1::EmitRequest> request);
  void Call(uint32_t id, absl::string_view name, WithPayload<v1::CallRequest> request);
  void Reply(v1::Reply reply, const Payload& payload = {});

  SessionHub& hub_;
  Connection& connection_;
  const SessionKey key_;
  const std::string id_;
  const std::string user_id_;
  const std::string client_;
  const absl::Time create_time_;
  RateLimiter rate_;
  Seats seats_;
  // Null until the first mount.
  std::unique_ptr<ComponentHost> components_;
};

}  // namespace atrium
