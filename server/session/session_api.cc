#include "server/session/session_api.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/api/page_token.h"
#include "server/api/validate.h"
#include "server/common/errors.h"
#include "server/live/rooms/component_errors.h"
#include "server/live/shards/gather.h"
#include "server/session/connection.h"
#include "server/session/session.h"
#include "server/session/session_id.h"

namespace atrium {
namespace {

absl::Status SessionNotFound(absl::string_view id) {
  return MakeError(absl::StatusCode::kNotFound, "SESSION_NOT_FOUND",
                   absl::StrCat("Session '", Excerpt(id), "' not found"));
}

}  // namespace

SessionHub* SessionApi::HubOf(const std::string& session_id) const {
  const int shard = ShardOfSession(session_id, static_cast<int>(hubs_.size()));
  return shard < 0 ? nullptr : hubs_[shard].get();
}

void SessionApi::Bring(const Caller& caller, v1::JoinRequest request, Done<v1::JoinResponse> done) {
  SessionHub* const hub = HubOf(request.member_id());
  if (hub == nullptr) return done(SessionNotFound(request.member_id()));
  hub->shard().Post([hub, caller = caller, request = std::move(request), done = std::move(done)]() mutable {
    const std::string member_id = request.member_id();
    // A component's id begins with its session's.
    Session* const session = hub->Find(absl::string_view(member_id).substr(0, member_id.find('.')));
    if (session == nullptr) return done(SessionNotFound(member_id));
    std::optional<MemberIdentity> member = session->FindMember(member_id);
    if (!member) return done(ComponentNotFound(member_id));
    session->Bring(caller, *std::move(member), std::move(request),
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
  absl::StatusOr<std::string> after = ReadPageToken({PagedList::Kind::kSessions}, request.message->page_token());
  if (!after.ok()) return done(after.status());
  std::vector<Shard*> shards;
  for (const auto& hub : hubs_) shards.push_back(&hub->shard());
  Gather<v1::Session>(
      shards,
      [this, after = *std::move(after), size = *size](int shard, auto answer) {
        hubs_[shard]->List(after, PageOf(size), std::move(answer));
      },
      [size = *size, done = std::move(done)](std::vector<v1::Session> sessions) mutable {
        ListPage<v1::Session> page = FirstPage(std::move(sessions), size);
        WithPayload<v1::ListSessionsResponse> response;
        if (page.more) {
          response.message->set_next_page_token(MakePageToken({PagedList::Kind::kSessions}, page.elements.back().id()));
        }
        for (v1::Session& session : page.elements) response.message->mutable_sessions()->Add(std::move(session));
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
    if (Connection* const connection = session->core().connection()) {
      connection->Close(CloseCode::kDisconnected, message.reason());
    } else {
      hub->End(*session);
    }
    done(WithPayload<v1::DisconnectSessionResponse>());
  });
}

}  // namespace atrium
