#pragma once

#include <memory>
#include <vector>

#include "server/api/authorizer.h"
#include "server/api/rpc_table.h"
#include "server/api/session_directory.h"
#include "server/api/verb_table.h"
#include "server/session/session_hub.h"

namespace atrium {

// What services can do with sessions, wherever they live. Any thread may call it; `done` runs on some shard, or at once
// when the request is refused.
class SessionApi final : public SessionDirectory {
 public:
  // `hubs` are those of all shards, in their order; they are filled in before the first call.
  SessionApi(const Authorizer& authorizer, const std::vector<std::unique_ptr<SessionHub>>& hubs)
      : authorizer_(authorizer), hubs_(hubs) {}

  // Returns the authorizer that RunVerb asks before each verb.
  const Authorizer& authorizer() const { return authorizer_; }

  void Bring(const Caller& caller, v1::JoinRequest request, Done<v1::JoinResponse> done) override;

  void ListSessions(const Caller& caller, WithPayload<v1::ListSessionsRequest> request,
                    Done<v1::ListSessionsResponse> done);
  void DisconnectSession(const Caller& caller, WithPayload<v1::DisconnectSessionRequest> request,
                         Done<v1::DisconnectSessionResponse> done);

 private:
  // Returns null if `session_id` cannot be one of ours.
  SessionHub* HubOf(const std::string& session_id) const;

  const Authorizer& authorizer_;
  const std::vector<std::unique_ptr<SessionHub>>& hubs_;
};

// SessionService, in full.
inline constexpr VerbTable kSessionVerbs{
    "atrium.v1.SessionService",
    // Each request that it carries is authorized by itself.
    StreamRow{Verb::kConnect, "Connect"},
    VerbRow{Verb::kListSessions, "ListSessions", &SessionApi::ListSessions},
    VerbRow{Verb::kDisconnectSession, "DisconnectSession", &SessionApi::DisconnectSession},
};

}  // namespace atrium
