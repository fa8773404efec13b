#include "server/session/session_hub.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/api/validate.h"
#include "server/common/errors.h"
#include "server/common/prefetch.h"
#include "server/common/status_macros.h"
#include "server/session/resume_token.h"
#include "server/session/session_id.h"
#include "server/wire/rpc_status.h"

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

absl::Status ValidateHello(const v1::Hello& hello) {
  constexpr int kMaxKnown = 1000;
  RETURN_IF_ERROR(ValidateLength("hello.token", hello.token(), 128));
  if (hello.known_size() > kMaxKnown) {
    return InvalidField("hello.known", absl::StrCat("must name at most ", kMaxKnown, " rooms"));
  }
  return ValidateLength("hello.client", hello.client(), 100);
}

}  // namespace

SessionHub::SessionHub(Shard& shard, SessionSettings settings, RoomApi& api, Log& log,
                       const std::vector<std::unique_ptr<SessionHub>>& hubs)
    : shard_(shard),
      settings_(settings),
      api_(api),
      log_(log),
      hubs_(hubs),
      deflater_(settings.compress_above),
      last_key_(uint64_t(shard.index()) << 48) {}

void SessionHub::Start() {
  shard_.After(kTick, [this] {
    due_.assign(connections_.begin(), connections_.end());
    Tick();
  });
}

void SessionHub::Tick() {
  const absl::Time now = shard_.Now();
  for (size_t i = 0; i < kTicksPerTurn && !due_.empty(); ++i) {
    const std::shared_ptr<Connection> connection = std::move(due_.back());
    due_.pop_back();
    // It may have closed since the round began.
    if (connections_.contains(connection.get())) connection->Tick(now);
  }
  if (!due_.empty()) {
    shard_.After(kTickPause, [this] { Tick(); });
    return;
  }
  due_ = {};
  Start();
}

void SessionHub::Add(std::shared_ptr<Connection> connection) {
  counters_.connections[static_cast<int>(connection->encoding())].Add(1);
  connections_.insert(std::move(connection));
}

void SessionHub::Remove(Connection& connection) {
  const auto it = connections_.find(&connection);
  if (it == connections_.end()) return;
  counters_.connections[static_cast<int>(connection.encoding())].Add(-1);
  connections_.erase(it);
}

void SessionHub::HandOver(std::shared_ptr<Connection> connection) {
  Remove(*connection);
  ++departing_;
  SessionHub& to = connection->hub();
  to.shard().Post([this, &to, connection = std::move(connection)] {
    to.Add(connection);
    connection->GoOn();
    shard_.Post([this] { --departing_; });
  });
}

void SessionHub::OnRequest(Connection& connection, ClientRequest&& request) {
  counters_.requests[static_cast<int>(connection.encoding())].Add(1);
  if (Session* session = connection.session()) return session->OnRequest(std::move(request));
  if (!request.status.ok()) return ReplyError(connection, request.id, request.status);
  if (!request.frame.has_hello()) return ReplyError(connection, request.id, HelloFirst());
  OnHello(connection, std::move(request));
}

void SessionHub::OnHello(Connection& connection, ClientRequest request) {
  v1::Hello& hello = *request.frame.mutable_hello();
  if (absl::Status status = ValidateHello(hello); !status.ok()) return ReplyError(connection, request.id, status);
  const int home = ShardOfSession(hello.resume_token(), static_cast<int>(hubs_.size()));
  if (home >= 0 && home != shard_.index()) return connection.MoveTo(*hubs_[home], std::move(request));
  if (Session* session = FindResumable(hello)) return Resume(connection, *session, hello);
  if (!hello.resume_token().empty()) counters_.not_resumed.Add(1);
  Begin(connection, hello);
}

Session* SessionHub::FindResumable(const v1::Hello& hello) {
  Session* const session = Find(SessionOfResumeToken(hello.resume_token()));
  if (session == nullptr || !session->MayResume(hello.resume_token())) return nullptr;
  // Who the client is may not change on the way.
  return hello.token().empty() || hello.token() == session->user_id() ? session : nullptr;
}

void SessionHub::Resume(Connection& connection, Session& session, const v1::Hello& hello) {
  // The server may not know yet that the old connection is lost.
  if (Connection* const old = session.connection()) {
    session.Detach(nullptr);
    old->DropQueue();
    old->Close(CloseCode::kResumedElsewhere, "the session goes on over another connection");
  }
  counters_.detached.Add(-1);
  counters_.sessions[static_cast<int>(session.encoding())].Add(-1);
  counters_.sessions[static_cast<int>(connection.encoding())].Add(1);
  counters_.resumed.Add(1);
  log_.Debug("session resumed", {{"session", session.id()}, {"transport", TransportName(connection.encoding())}});
  session.Resume(connection, hello);
  connection.Heard();
}

void SessionHub::Begin(Connection& connection, v1::Hello& hello) {
  const SessionKey key = NewKey();
  std::string id;
  do {
    id = NewSessionId(shard_.index(), random_);
  } while (by_id_.contains(id));
  // The server runs with --dev: the token is the user's id, unverified.
  auto created =
      std::make_unique<Session>(*this, key, std::move(id), hello.token(), std::move(*hello.mutable_client()));
  Session& session = *created;
  by_id_.emplace(session.id(), &session);
  sessions_.emplace(key, std::move(created));
  counters_.sessions[static_cast<int>(connection.encoding())].Add(1);
  log_.Debug("session started", {{"session", session.id()}, {"transport", TransportName(connection.encoding())}});
  session.Begin(connection);
  connection.Heard();
}

void SessionHub::ReplyError(Connection& connection, uint32_t id, const absl::Status& error) {
  counters_.errors[static_cast<int>(error.code())].Add(1);
  v1::ServerFrame frame;
  v1::Reply& reply = *frame.mutable_reply();
  reply.set_id(id);
  *reply.mutable_error() = ToRpcStatus(error);
  connection.Send(EncodeFrame(frame, connection.encoding()));
}

void SessionHub::ReleaseSessionOf(Connection& connection, bool ends) {
  Session* const session = connection.session();
  if (session == nullptr) return;
  if (!ends && !draining_) return session->Detach(nullptr);
  connection.set_session(nullptr);
  End(*session);
}

void SessionHub::OnDetached(const Session& session) {
  counters_.detached.Add(1);
  log_.Debug("session detached", {{"session", session.id()}});
}

void SessionHub::End(Session& session) {
  if (session.absence() != nullptr) counters_.detached.Add(-1);
  session.End();
  counters_.sessions[static_cast<int>(session.encoding())].Add(-1);
  log_.Debug("session ended", {{"session", session.id()}});
  by_id_.erase(session.id());
  sessions_.erase(session.key());
}

void SessionHub::EndIfAway(SessionKey key, uint32_t generation) {
  Session* const session = FindByKey(key);
  if (session != nullptr && session->absence() != nullptr && session->generation() == generation) End(*session);
}

Session* SessionHub::Find(absl::string_view id) {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : it->second;
}

Session* SessionHub::FindByKey(SessionKey key) {
  const auto it = sessions_.find(key);
  return it == sessions_.end() ? nullptr : it->second.get();
}

std::shared_ptr<Observer> SessionHub::Watch(const Caller& caller, const v1::WatchRequest& request, ReaderKind kind,
                                            Observer::Transport& transport) {
  auto observer = std::make_shared<Observer>(*this, kind, transport);
  observer->Start(caller, request);
  return observer;
}

void SessionHub::AddObserver(Observer& observer, ReaderKind kind) {
  counters_.observers[static_cast<int>(kind)].Add(1);
  observers_.insert(&observer);
  if (draining_) observer.End(ShuttingDown());
}

void SessionHub::RemoveObserver(Observer& observer, ReaderKind kind) {
  counters_.observers[static_cast<int>(kind)].Add(-1);
  observers_.erase(&observer);
}

size_t SessionHub::SayGoodbye(size_t most) {
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
    draining_ = true;
    std::vector<Session*> away;
    for (const auto& [key, session] : sessions_) {
      if (session->absence() != nullptr) away.push_back(session.get());
    }
    for (Session* const session : away) End(*session);
  }
  return connections_.size() + departing_;
}

void SessionHub::CountClose(CloseCode code) {
  const auto it = std::find(kCloseCodes.begin(), kCloseCodes.end(), code);
  counters_.closes[it - kCloseCodes.begin()].Add(1);
}

void SessionHub::AtTurnEnd(std::shared_ptr<Connection> connection) {
  writers_.push_back(std::move(connection));
  if (writers_.size() > 1) return;
  shard_.AtTurnEnd([this] {
    // A connection that closes here ends its session; what that sends to others goes out in the next turn.
    const std::vector<std::shared_ptr<Connection>> writers = std::exchange(writers_, {});
    for (size_t i = 0; i < writers.size(); ++i) {
      if (i + 1 < writers.size()) Prefetch(writers[i + 1].get());
      writers[i]->AtTurnEnd();
    }
  });
}

}  // namespace atrium
