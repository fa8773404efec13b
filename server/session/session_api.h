#pragma once

#include <memory>
#include <vector>

#include "server/api/rpc_table.h"
#include "server/api/session_directory.h"
#include "server/session/session_hub.h"
#include "server/session/stream_table.h"

namespace atrium {

// What services can do with sessions, wherever they live. Thread safety: any thread; `done` runs on some shard, or at
// once when the request is refused.
class SessionApi final : public SessionDirectory {
 public:
  // `hubs` by shard; they are filled in before the first call.
  explicit SessionApi(const std::vector<std::unique_ptr<SessionHub>>& hubs) : hubs_(hubs) {}

  void Bring(v1::JoinRequest request, Done<v1::JoinResponse> done) override;

  void ListSessions(const Caller& caller, WithPayload<v1::ListSessionsRequest> request,
                    Done<v1::ListSessionsResponse> done);
  void DisconnectSession(const Caller& caller, WithPayload<v1::DisconnectSessionRequest> request,
                         Done<v1::DisconnectSessionResponse> done);

  void AddTo(RpcTable& table);
  // Watch of RoomService, which is served here: who reads has a queue, as sessions have.
  void AddTo(StreamTable& table);

 private:
  // Null if `session_id` cannot be one of ours.
  SessionHub* HubOf(const std::string& session_id) const;

  const std::vector<std::unique_ptr<SessionHub>>& hubs_;
};

}  // namespace atrium
