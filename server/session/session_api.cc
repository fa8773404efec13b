#include "server/session/session_api.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/api/validate.h"
#include "server/common/errors.h"
#include "server/live/component_errors.h"
#include "server/live/gather.h"
#include "server/session/session_id.h"

namespace atrium {
namespace {

absl::Status SessionNotFound(absl::string_view id) {
  return MakeError(absl::StatusCode::kNotFound, "SESSION_NOT_FOUND", absl::StrCat("Session '", id, "' not found"));
}

}  // namespace

SessionHub* SessionApi::HubOf(const std::string& session_id) const {
  const int shard = ShardOfSession(session_id, static_cast<int>(hubs_.size()));
  return shard < 0 ? nullptr : hubs_[shard].get();
}

void SessionApi::Bring(v1::JoinRequest request, Done<v1::JoinResponse> done) {
  SessionHub* const hub = HubOf(request.member_id());
  if (hub == nullptr) return done(SessionNotFound(request.member_id()));
  hub->shard().Post([hub, request = std::move(request), done = std::move(done)]() mutable {
    const std::string member_id = request.member_id();
    // A component's id begins with its session's.
    Session* const session = hub->Find(absl::string_view(member_id).substr(0, member_id.find('.')));
    if (session == nullptr) return done(SessionNotFound(member_id));
    std::optional<MemberIdentity> member = session->FindMember(member_id);
    if (!member) return done(ComponentNotFound(member_id));
    session->Bring(Caller::Service(), *std::move(member), std::move(request),
                   [done = std::move(done)](absl::StatusOr<Admission> admission) mutable {
                     if (!admission.ok()) return done(admission.status());
                     done(WithPayload<v1::JoinResponse>{std::move(admission->response), admission->state});
                   });
  });
}

void SessionApi::ListSessions(const Caller&, WithPayload<v1::ListSessionsRequest> request,
                              Done<v1::ListSessionsResponse> done) {
  const absl::StatusOr<size_t> size = PageSize(request.message->page_size());
  if (!size.ok()) return done(size.status());
  absl::StatusOr<std::string> after = ReadPageToken(request.message->page_token());
  if (!after.ok()) return done(after.status());
  std::vector<Shard*> shards;
  for (const auto& hub : hubs_) shards.push_back(&hub->shard());
  Gather<v1::Session>(
      shards,
      [this, after = *std::move(after)](int shard, auto answer) {
        std::vector<v1::Session> sessions;
        for (const auto& [key, session] : hubs_[shard]->sessions()) {
          if (session->id() > after) sessions.push_back(session->Describe());
        }
        answer(std::move(sessions));
      },
      [size = *size, done = std::move(done)](std::vector<v1::Session> sessions) mutable {
        std::sort(sessions.begin(), sessions.end(),
                  [](const v1::Session& a, const v1::Session& b) { return a.id() < b.id(); });
        WithPayload<v1::ListSessionsResponse> response;
        if (sessions.size() > size) {
          sessions.resize(size);
          response.message->set_next_page_token(MakePageToken(sessions.back().id()));
        }
        response.message->mutable_sessions()->Add(sessions.begin(), sessions.end());
        done(std::move(response));
      });
}

void SessionApi::DisconnectSession(const Caller&, WithPayload<v1::DisconnectSessionRequest> request,
                                   Done<v1::DisconnectSessionResponse> done) {
  v1::DisconnectSessionRequest& message = *request.message;
  if (absl::Status status = ValidateLength("reason", message.reason(), 100); !status.ok()) return done(status);
  SessionHub* const hub = HubOf(message.session_id());
  if (hub == nullptr) return done(SessionNotFound(message.session_id()));
  if (message.reason().empty()) message.set_reason("disconnected by a service");
  hub->shard().Post([hub, message = std::move(message), done = std::move(done)]() mutable {
    Session* const session = hub->Find(message.session_id());
    if (session == nullptr) return done(SessionNotFound(message.session_id()));
    if (Connection* const connection = session->connection()) {
      connection->Close(CloseCode::kDisconnected, message.reason());
    } else {
      hub->End(*session);
    }
    done(WithPayload<v1::DisconnectSessionResponse>());
  });
}

void SessionApi::AddTo(RpcTable& table) {
  table.Add<v1::ListSessionsRequest, v1::ListSessionsResponse>(
      "atrium.v1.SessionService.ListSessions", [this](const Caller& caller, auto request, auto done) {
        ListSessions(caller, std::move(request), std::move(done));
      });
  table.Add<v1::DisconnectSessionRequest, v1::DisconnectSessionResponse>(
      "atrium.v1.SessionService.DisconnectSession", [this](const Caller& caller, auto request, auto done) {
        DisconnectSession(caller, std::move(request), std::move(done));
      });
}

void SessionApi::AddTo(StreamTable& table) {
  table.Add("atrium.v1.RoomService.Watch", [this](const Caller& caller, StreamTable::MessagePtr request, int shard,
                                                  ReaderKind kind, Observer::Transport& transport) {
    return hubs_[shard]->Watch(caller, static_cast<const v1::WatchRequest&>(*request), kind, transport);
  });
}

}  // namespace atrium
