#include "server/session/session_hub.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/api/validate.h"
#include "server/common/errors.h"
#include "server/common/status_macros.h"
#include "server/live/authoring/room_id.h"
#include "server/live/shards/on_shard.h"
#include "server/session/connection.h"
#include "server/session/resume_token.h"
#include "server/session/session.h"
#include "server/session/session_id.h"

namespace atrium {
namespace {

// Each connection looks at its deadlines about so often; a thousand that are cut at once must not hold up the rest.
constexpr absl::Duration kTick = absl::Seconds(1);
constexpr size_t kTicksPerTurn = 64;
constexpr absl::Duration kTickPause = absl::Milliseconds(2);

absl::Status HelloFirst() {
  return MakeError(absl::StatusCode::kFailedPrecondition, "HELLO_FIRST",
                   "hello: must be the first frame of a connection");
}

absl::Status ShuttingDown() {
  return MakeError(absl::StatusCode::kUnavailable, "SHUTTING_DOWN", "the server is shutting down");
}

// A name that is taken for a token is a user's id.
constexpr size_t kMaxNameBytes = 128;

// What is said of a token goes into a goodbye as well, behind an answer.
CloseCode CodeOf(const absl::Status& denial) {
  return SaysExpired(denial) ? CloseCode::kTokenExpired : CloseCode::kUnauthenticated;
}

absl::Status AnotherUser() {
  return MakeError(absl::StatusCode::kUnauthenticated, "TOKEN_INVALID", "The token is of another user or issuer");
}

absl::Status ValidateHello(const v1::Hello& hello, size_t max_token_bytes) {
  constexpr int kMaxKnown = 1000;
  RETURN_IF_ERROR(ValidateLength("hello.token", hello.token(), max_token_bytes));
  if (hello.known_size() > kMaxKnown) {
    return InvalidField("hello.known", absl::StrCat("must name at most ", kMaxKnown, " rooms"));
  }
  for (int i = 0; i < hello.known_size(); ++i) {
    RETURN_IF_ERROR(ValidateRoomId(absl::StrCat("hello.known[", i, "].roomId"), hello.known(i).room_id()));
  }
  return ValidateLength("hello.client", hello.client(), 100);
}

}  // namespace

SessionHub::SessionHub(Shard& shard, Site& site, const SessionSettings& settings, const Authenticator& authenticator,
                       RoomApi& api, Attendance& attendance, Log& log,
                       const std::vector<std::unique_ptr<SessionHub>>& hubs, Headroom* headroom,
                       UserSessions* user_sessions)
    : env_(shard, site, settings, authenticator, api, attendance, log, *this, headroom, user_sessions,
           [this](absl::Duration stood_still) { ForgiveSessions(stood_still); }),
      hubs_(hubs),
      slices_(shard),
      writers_(shard) {}

SessionHub::~SessionHub() = default;

// ---- Connections

void SessionHub::Start() {
  ATRIUM_ON_SHARD(env_.shard);
  env_.clock.After(kTick, [this] {
    EndExpiredObservers();
    due_.assign(connections_.begin(), connections_.end());
    Tick();
  });
}

void SessionHub::ForgiveSessions(absl::Duration stood_still) {
  for (const auto& [key, session] : sessions_) session->rate().Forgive(stood_still);
}

void SessionHub::Tick() {
  const SteadyTime now = Now();
  for (size_t i = 0; i < kTicksPerTurn && !due_.empty(); ++i) {
    const std::shared_ptr<Connection> connection = std::move(due_.back());
    due_.pop_back();
    // It may have closed since the round began.
    if (connections_.contains(connection.get())) connection->Tick(now);
  }
  if (!due_.empty()) {
    env_.clock.After(kTickPause, [this] { Tick(); });
    return;
  }
  due_ = {};
  Start();
}

void SessionHub::Add(std::shared_ptr<Connection> connection) {
  ATRIUM_ON_SHARD(env_.shard);
  counters().connections[static_cast<int>(connection->encoding())].Add(1);
  connection->OnAdded();
  connections_.insert(std::move(connection));
}

void SessionHub::Remove(Connection& connection) {
  ATRIUM_ON_SHARD(env_.shard);
  const auto it = connections_.find(&connection);
  if (it == connections_.end()) return;
  counters().connections[static_cast<int>(connection.encoding())].Add(-1);
  connections_.erase(it);
}

void SessionHub::HandOver(std::shared_ptr<Connection> connection) {
  ATRIUM_ON_SHARD(env_.shard);
  Remove(*connection);
  ++departing_;
  SessionHub& to = connection->hub();
  to.shard().Post([this, &to, connection = std::move(connection)] {
    to.Add(connection);
    connection->GoOn();
    env_.shard.Post([this] { --departing_; });
  });
}

void SessionHub::ReleaseSessionOf(Connection& connection, bool ends) {
  ATRIUM_ON_SHARD(env_.shard);
  Session* const session = connection.session();
  if (session == nullptr) return;
  if (!ends && !draining_) return session->Detach();
  connection.set_session(nullptr);
  End(*session);
}

// ---- Hellos

void SessionHub::OnRequest(Connection& connection, ClientRequest&& request) {
  ATRIUM_ON_SHARD(env_.shard);
  counters().requests[static_cast<int>(connection.encoding())].Add(1);
  if (Session* session = connection.session()) return session->OnRequest(std::move(request));
  if (!request.status.ok()) return connection.SendError(request.id, request.status);
  if (!request.frame.has_hello()) return connection.SendError(request.id, HelloFirst());
  OnHello(connection, std::move(request));
}

void SessionHub::OnHello(Connection& connection, ClientRequest request) {
  v1::Hello& hello = *request.frame.mutable_hello();
  const Authenticator& authenticator = env_.authenticator;
  const size_t most = authenticator.takes_names_for_tokens() ? kMaxNameBytes : authenticator.max_token_bytes();
  if (absl::Status status = ValidateHello(hello, most); !status.ok()) return connection.SendError(request.id, status);
  const int home = ShardOfSession(hello.resume_token(), static_cast<int>(hubs_.size()));
  if (home >= 0 && home != env_.shard.index()) return connection.MoveTo(*hubs_[home], std::move(request));
  absl::StatusOr<SessionClient> who = IdentifyClient(connection, hello);
  if (!who.ok()) {
    connection.SendError(request.id, who.status());
    return connection.Close(CodeOf(who.status()), who.status().message());
  }
  if (Session* session = FindResumable(hello, *who)) return Resume(connection, *session, hello, *std::move(who));
  if (!hello.resume_token().empty()) counters().not_resumed.Add(1);
  if (env_.headroom != nullptr) {
    const absl::Status verdict = env_.headroom->ForSession();
    if (!verdict.ok()) return connection.Close(CloseCode::kOverloaded, verdict.message());
  }
  StartSession(connection, hello, request.id, *std::move(who));
}

absl::StatusOr<SessionClient> SessionHub::IdentifyClient(Connection& connection, v1::Hello& hello) const {
  std::string beside = connection.TakeToken();
  if (env_.authenticator.takes_names_for_tokens()) return SessionClient{.user_id = hello.token()};
  const std::string& token = hello.token().empty() ? beside : hello.token();
  ASSIGN_OR_RETURN(std::shared_ptr<const ClientIdentity> identity,
                   env_.authenticator.IdentifyClient(token, env_.shard.Now()));
  std::string user_id = identity == nullptr ? "" : identity->subject;
  return SessionClient{.user_id = std::move(user_id), .identity = std::move(identity)};
}

Session* SessionHub::FindResumable(const v1::Hello& hello, const SessionClient& who) {
  Session* const session = Find(SessionOfResumeToken(hello.resume_token()));
  if (session == nullptr || !session->MayResume(hello.resume_token())) return nullptr;
  // Who the client is may not change on the way; without --client-jwks it need not say it again.
  const bool silent = env_.authenticator.takes_names_for_tokens() && hello.token().empty();
  return silent || who.IsSameAs(session->core().caller()) ? session : nullptr;
}

absl::StatusOr<absl::Time> SessionHub::Refresh(Session& session, absl::string_view token) {
  ATRIUM_ON_SHARD(env_.shard);
  // Nobody goes on as nobody.
  if (token.empty()) return AnotherUser();
  absl::StatusOr<std::shared_ptr<const ClientIdentity>> identity =
      env_.authenticator.IdentifyClient(token, env_.shard.Now());
  if (!identity.ok()) return identity.status();
  const SessionClient who{.identity = *identity};
  if (who.identity == nullptr || !who.IsSameAs(session.core().caller())) return AnotherUser();
  session.Refresh(*std::move(identity));
  return who.identity->expires;
}

void SessionHub::Resume(Connection& connection, Session& session, const v1::Hello& hello, SessionClient who) {
  // The server may not know yet that the old connection is lost.
  if (Connection* const old = session.core().connection()) {
    session.Detach();
    old->DropQueue();
    old->Close(CloseCode::kResumedElsewhere, "the session goes on over another connection");
  }
  counters().detached.Add(-1);
  counters().sessions[static_cast<int>(session.core().encoding())].Add(-1);
  counters().sessions[static_cast<int>(connection.encoding())].Add(1);
  counters().resumed.Add(1);
  env_.log.Debug("session resumed", {{"session", session.id()}, {"transport", TransportName(connection.encoding())}});
  // Rooms let go of the session before they are asked what it has missed.
  if (who.identity != nullptr) session.Refresh(std::move(who.identity));
  session.Resume(connection, hello);
  connection.Heard();
}

void SessionHub::StartSession(Connection& connection, v1::Hello& hello, uint32_t id_of_hello, SessionClient who) {
  std::unique_ptr<const UserSessions::Place> place;
  if (env_.user_sessions != nullptr && who.identity != nullptr && !who.user_id.empty()) {
    absl::StatusOr<std::unique_ptr<const UserSessions::Place>> entered = env_.user_sessions->Enter(*who.identity);
    if (!entered.ok()) {
      connection.SendError(id_of_hello, entered.status());
      return connection.Close(CloseCode::kOverloaded, entered.status().message());
    }
    place = *std::move(entered);
  }
  const SessionKey key = env_.keys.Next();
  std::string id;
  do {
    id = NewSessionId({.shard = env_.shard.index()}, random_);
  } while (by_id_.contains(id));
  auto created =
      std::make_unique<Session>(env_, key, std::move(id), std::move(who), std::move(*hello.mutable_client()));
  Session& session = *created;
  session.set_place(std::move(place));
  by_id_.emplace(session.id(), &session);
  sessions_.emplace(key, std::move(created));
  counters().sessions[static_cast<int>(connection.encoding())].Add(1);
  env_.log.Debug("session started", {{"session", session.id()}, {"transport", TransportName(connection.encoding())}});
  session.Start(connection);
  connection.Heard();
}

// ---- Sessions

void SessionHub::End(Session& session) {
  ATRIUM_ON_SHARD(env_.shard);
  if (session.away()) counters().detached.Add(-1);
  session.End();
  counters().sessions[static_cast<int>(session.core().encoding())].Add(-1);
  env_.log.Debug("session ended", {{"session", session.id()}});
  by_id_.erase(session.id());
  sessions_.erase(session.key());
}

void SessionHub::EndIfAway(SessionKey key, uint32_t generation) {
  ATRIUM_ON_SHARD(env_.shard);
  Session* const session = FindByKey(key);
  if (session != nullptr && session->away() && session->generation() == generation) End(*session);
}

Session* SessionHub::Find(absl::string_view id) {
  ATRIUM_ON_SHARD(env_.shard);
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : it->second;
}

Session* SessionHub::FindByKey(SessionKey key) {
  ATRIUM_ON_SHARD(env_.shard);
  const auto it = sessions_.find(key);
  if (it == sessions_.end()) return nullptr;
  if (!env_.shard.slices().empty()) it->second->core().CatchUp();
  return it->second.get();
}

void SessionHub::List(std::string after, ListBudget page, Gathered<v1::Session> done) {
  ATRIUM_ON_SHARD(env_.shard);
  slices_.Add(
      [this, after = std::move(after), page, done = std::move(done), found = std::vector<v1::Session>()]() mutable {
        ListBudget slice = OneSlice();
        for (auto it = by_id_.upper_bound(after); it != by_id_.end(); ++it) {
          found.push_back(it->second->Describe());
          const size_t bytes = found.back().ByteSizeLong();
          if (!page.Take(bytes)) break;
          if (slice.Take(bytes)) continue;
          after = std::string(it->first);
          return true;
        }
        done(std::move(found));
        return false;
      });
}

// ---- Observers

std::shared_ptr<Observer> SessionHub::Watch(const Caller& caller, const v1::WatchRequest& request, ReaderKind kind,
                                            Observer::Transport& transport) {
  ATRIUM_ON_SHARD(env_.shard);
  auto observer = std::make_shared<Observer>(*this, kind, transport);
  counters().observers[static_cast<int>(kind)].Add(1);
  observers_.insert(observer.get());
  if (draining_) observer->End(ShuttingDown());
  observer->Start(caller, request);
  return observer;
}

void SessionHub::EndExpiredObservers() {
  if (env_.authenticator.asks_nobody()) return;
  const absl::Time now = env_.shard.Now();
  for (Observer* const observer : observers_) {
    const absl::Duration leeway = observer->caller().is_client() ? env_.authenticator.leeway() : absl::ZeroDuration();
    if (now >= observer->caller().expires() + leeway) observer->End(CredentialExpired());
  }
}

void SessionHub::Remove(Observer& observer) {
  ATRIUM_ON_SHARD(env_.shard);
  counters().observers[static_cast<int>(observer.kind())].Add(-1);
  observers_.erase(&observer);
}

// ---- The server stops

size_t SessionHub::SayGoodbye(size_t most) {
  ATRIUM_ON_SHARD(env_.shard);
  draining_ = draining_ || most > 0;
  if (draining_) {
    for (Observer* const observer : observers_) observer->End(ShuttingDown());
  }
  std::vector<std::shared_ptr<Connection>> chosen;
  for (const std::shared_ptr<Connection>& connection : connections_) {
    if (chosen.size() == most) break;
    if (!connection->closing_) chosen.push_back(connection);
  }
  for (const auto& connection : chosen) connection->Close(CloseCode::kShutdown, "the server is shutting down");
  if (most > 0) {
    std::vector<Session*> away;
    for (const auto& [key, session] : sessions_) {
      if (session->away()) away.push_back(session.get());
    }
    for (Session* const session : away) End(*session);
  }
  return connections_.size() + departing_;
}

}  // namespace atrium
