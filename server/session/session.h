#pragma once

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "server/api/room_api.h"
#include "server/live/channel.h"
#include "server/session/rate_limiter.h"

namespace atrium {

class Connection;
class SessionHub;

// One client: who it is, which rooms it is in, how fast it may ask. Runs on the shard of its hub, which owns it.
class Session final : public Subscriber {
 public:
  Session(SessionHub& hub, Connection& connection, SessionKey key, std::string id, std::string user_id,
          std::string client);

  const std::string& id() const { return id_; }
  const std::string& user_id() const { return user_id_; }
  SessionKey key() const { return key_; }
  Connection& connection() { return connection_; }
  v1::Session Describe() const;

  // Answers a frame of the client, now or when the room has decided.
  void OnRequest(ClientRequest request);

  // Joins a room, for the client itself or for a service. `told` gets the outcome on this shard, before any frame of
  // the room. RESOURCE_EXHAUSTED if the session is in too many rooms; else as RoomApi::Admit.
  void Join(const Caller& caller, v1::JoinRequest request, JoinDone told);

  // Takes the session out of its rooms; it is destroyed next.
  void End();

  void Send(const FramePtr& frame) override;
  void OnRemoved(const std::string& room_id, const FramePtr& left) override;

 private:
  Caller AsCaller() const;
  void OnAdmission(const std::string& room_id, absl::StatusOr<Admission> admission, JoinDone told);
  void JoinForClient(uint32_t id, v1::JoinRequest request);
  // Runs a verb of the API; its answer comes back through the shard's mailbox, behind the room's frames.
  // `name` is the request's, for errors.
  template <typename Request, typename Response>
  void Ask(uint32_t id, absl::string_view name,
           void (RoomApi::*verb)(const Caller&, WithPayload<Request>, Done<Response>), WithPayload<Request> request,
           Response* (v1::Reply::*result)());
  void Reply(v1::Reply reply, const Payload& payload = {});

  SessionHub& hub_;
  Connection& connection_;
  const SessionKey key_;
  const std::string id_;
  const std::string user_id_;
  const std::string client_;
  const absl::Time create_time_;
  RateLimiter rate_;
  // Null while the join is being decided.
  absl::flat_hash_map<std::string, std::shared_ptr<Channel>> rooms_;
};

}  // namespace atrium
