#pragma once

#include <memory>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/random/random.h"
#include "absl/strings/string_view.h"
#include "server/live/manager/list_page.h"
#include "server/live/shards/gather.h"
#include "server/live/shards/sliced_work.h"
#include "server/session/observer.h"
#include "server/session/session_core.h"
#include "server/session/session_env.h"
#include "server/session/turn_end_writers.h"
#include "server/wire/client_request.h"

namespace atrium {

class Connection;
class Session;

// Owns the connections and sessions of one shard, and brings them together: by the hello of a connection, or by its
// end. Runs on the shard, but for the counters.
class SessionHub final : private SessionTable {
 public:
  // `hubs` are those of all shards, this one among them; they are filled in before the first connection. `headroom` is
  // null if any number of sessions may come.
  SessionHub(Shard& shard, Site& site, const SessionSettings& settings, const Authenticator& authenticator,
             RoomApi& api, Attendance& attendance, Log& log, const std::vector<std::unique_ptr<SessionHub>>& hubs,
             Headroom* headroom = nullptr, UserSessions* user_sessions = nullptr);
  ~SessionHub();

  // Starts to watch deadlines.
  void Start();

  SessionEnv& env() { return env_; }
  Shard& shard() { return env_.shard; }
  // Returns the time for deadlines of clients: see StandstillClock.
  SteadyTime Now() { return env_.Now(); }
  const SessionSettings& settings() const { return env_.settings; }
  SessionCounters& counters() { return env_.counters; }
  Deflater& deflater() { return env_.deflater; }
  bool memory_is_scarce() const { return env_.headroom != nullptr && env_.headroom->memory_is_scarce(); }

  // Takes over a connection until it has closed.
  void Add(std::shared_ptr<Connection> connection);
  void Remove(Connection& connection);
  // Gives a connection away, to the hub that it names now.
  void HandOver(std::shared_ptr<Connection> connection);
  // Has Connection::AtTurnEnd run at the end of this turn.
  void WriteAtTurnEnd(std::shared_ptr<Connection> connection) { writers_.Add(std::move(connection)); }
  // Takes a frame from a client: the hello that starts or resumes its session, or a request to that.
  void OnRequest(Connection& connection, ClientRequest&& request);
  // The connection closes: its session, if it has one, ends or waits for its client.
  void ReleaseSessionOf(Connection& connection, bool ends);

  // Follows a room on this shard, until the observer is closed, which then removes itself.
  std::shared_ptr<Observer> Watch(const Caller& caller, const v1::WatchRequest& request, ReaderKind kind,
                                  Observer::Transport& transport);
  void Remove(Observer& observer);

  // The session's client shows a new token, which has to be of the same user: returns when that expires, or why the
  // connection has been closed.
  absl::StatusOr<absl::Time> Refresh(Session& session, absl::string_view token);

  // Takes a session out of its rooms and destroys it.
  void End(Session& session);
  // Ends the session if it has had no connection since the one of that generation.
  void EndIfAway(SessionKey key, uint32_t generation) override;
  // Returns null if there is no such session, or it has ended.
  Session* Find(absl::string_view id);
  const absl::flat_hash_map<SessionKey, std::unique_ptr<Session>>& sessions() const { return sessions_; }
  // Hands to `done` the sessions with the least ids after `after`: as many as fit on `page`, and one more if there is.
  // It goes on in slices.
  void List(std::string after, ListBudget page, Gathered<v1::Session> done);

  // Says goodbye (3001) to at most `most` connections. Returns how many connections are left, closing ones included.
  // Unless `most` is 0, sessions that have no connection and observers end too, all at once, now and from now on:
  // nobody waits for them.
  size_t SayGoodbye(size_t most);

 private:
  bool Reach(SessionKey key) override { return FindByKey(key) != nullptr; }
  // Returns null if the session has ended. It is for what comes through the mailbox: the session first gets what rooms
  // have posted to it before.
  Session* FindByKey(SessionKey key);

  void OnHello(Connection& connection, ClientRequest request);
  // Finds out who the client is by the token of its hello, or by the one beside it.
  absl::StatusOr<SessionClient> IdentifyClient(Connection& connection, v1::Hello& hello) const;
  // Returns the session that the hello asks for; null if it does not, or may not.
  Session* FindResumable(const v1::Hello& hello, const SessionClient& who);
  void Resume(Connection& connection, Session& session, const v1::Hello& hello, SessionClient who);
  void StartSession(Connection& connection, v1::Hello& hello, uint32_t id_of_hello, SessionClient who);
  // Ends the observers whose caller has shown what is no good any more.
  void EndExpiredObservers();
  void Tick();
  void ForgiveSessions(absl::Duration stood_still);

  SessionEnv env_;
  const std::vector<std::unique_ptr<SessionHub>>& hubs_;
  absl::BitGen random_;
  absl::flat_hash_set<std::shared_ptr<Connection>> connections_;
  absl::flat_hash_map<SessionKey, std::unique_ptr<Session>> sessions_;
  absl::btree_map<absl::string_view, Session*> by_id_;
  SlicedWork slices_;
  absl::flat_hash_set<Observer*> observers_;
  TurnEndWriters writers_;
  // So many are on their way to another hub.
  size_t departing_ = 0;
  bool draining_ = false;
  // The deadlines of these have not been looked at in this round.
  std::vector<std::shared_ptr<Connection>> due_;
};

}  // namespace atrium
