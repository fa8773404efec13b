#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/random/random.h"
#include "absl/strings/string_view.h"
#include "server/api/room_api.h"
#include "server/common/counter.h"
#include "server/common/log.h"
#include "server/session/close_code.h"
#include "server/session/connection.h"
#include "server/session/observer.h"
#include "server/session/session.h"
#include "server/session/session_settings.h"
#include "server/wire/deflate.h"

namespace atrium {

// What was done about a client that reads too slowly.
enum class SlowAction { kVolatile, kCoalesce, kDisconnect };
inline constexpr int kSlowActions = 3;

// What the sessions of one shard have done. Indexed by Encoding, kCloseCodes, SlowAction and canonical code.
struct SessionCounters {
  std::array<Counter, kEncodings> connections;  // open now
  std::array<Counter, kEncodings> sessions;     // alive now, detached ones by their last connection
  Counter detached;                             // without a connection now
  Counter resumed;
  Counter not_resumed;  // though they had a token
  std::array<Counter, kEncodings> requests;
  std::array<Counter, kCloseCodes.size()> closes;
  std::array<Counter, 17> errors;
  std::array<Counter, kReaderKinds> observers;  // by ReaderKind, now
  std::array<Counter, kSlowActions> slow;
  Counter volatile_drops;  // frames
  Counter components;      // mounted now
  // Of the frames that were queued compressed.
  Counter deflated_from_bytes;
  Counter deflated_to_bytes;
};

// The connections and sessions of one shard. Runs on it, but for counters().
class SessionHub {
 public:
  // `hubs` by shard, this one among them; they are filled in before the first connection.
  SessionHub(Shard& shard, SessionSettings settings, RoomApi& api, Log& log,
             const std::vector<std::unique_ptr<SessionHub>>& hubs);

  // Begins to watch deadlines.
  void Start();

  Shard& shard() { return shard_; }
  RoomApi& api() { return api_; }
  Log& log() { return log_; }
  const SessionSettings& settings() const { return settings_; }
  SessionCounters& counters() { return counters_; }
  // For frames to one session.
  Deflater& deflater() { return deflater_; }

  // Takes over a connection until it has closed.
  void Add(std::shared_ptr<Connection> connection);
  void Remove(Connection& connection);

  // Those that follow a room on this shard, until they are closed.
  std::shared_ptr<Observer> Watch(const Caller& caller, const v1::WatchRequest& request, ReaderKind kind,
                                  Observer::Transport& transport);
  void AddObserver(Observer& observer, ReaderKind kind);
  void RemoveObserver(Observer& observer, ReaderKind kind);

  // Gives a connection away, to the hub that it names now.
  void HandOver(std::shared_ptr<Connection> connection);

  // A frame from a client: the hello that begins or resumes its session, or a request to that.
  void OnRequest(Connection& connection, ClientRequest&& request);
  void ReplyError(Connection& connection, uint32_t id, const absl::Status& error);

  // A key that nothing else has, in all hubs.
  SessionKey NewKey() { return ++last_key_; }
  // The connection closes: its session, if it has one, ends or waits for its client.
  void ReleaseSessionOf(Connection& connection, bool ends);
  // Takes a session out of its rooms and destroys it.
  void End(Session& session);
  // Ends the session if it has had no connection since the one of that generation.
  void EndIfAway(SessionKey key, uint32_t generation);
  void OnDetached(const Session& session);
  // Null if it has ended.
  Session* Find(absl::string_view id);
  Session* FindByKey(SessionKey key);
  const absl::flat_hash_map<SessionKey, std::unique_ptr<Session>>& sessions() const { return sessions_; }

  // Says goodbye (3001) to at most `most` connections. Returns how many connections are left, closing ones included.
  // Unless `most` is 0, sessions that have no connection and observers end too, all at once, now and from now on:
  // nobody waits for them.
  size_t SayGoodbye(size_t most);

  void CountClose(CloseCode code);
  void CountSlowConsumer(SlowAction action) { counters_.slow[static_cast<int>(action)].Add(1); }
  void CountVolatileDrops(size_t frames) {
    CountSlowConsumer(SlowAction::kVolatile);
    counters_.volatile_drops.Add(static_cast<int64_t>(frames));
  }
  void AtTurnEnd(std::shared_ptr<Connection> connection);

 private:
  void OnHello(Connection& connection, ClientRequest request);
  // The session that the hello asks for; null if it does not, or may not.
  Session* FindResumable(const v1::Hello& hello);
  void Resume(Connection& connection, Session& session, const v1::Hello& hello);
  void Begin(Connection& connection, v1::Hello& hello);
  void Tick();

  Shard& shard_;
  const SessionSettings settings_;
  RoomApi& api_;
  Log& log_;
  const std::vector<std::unique_ptr<SessionHub>>& hubs_;
  SessionCounters counters_;
  Deflater deflater_;
  absl::BitGen random_;
  SessionKey last_key_;
  absl::flat_hash_set<std::shared_ptr<Connection>> connections_;
  absl::flat_hash_map<SessionKey, std::unique_ptr<Session>> sessions_;
  absl::flat_hash_map<absl::string_view, Session*> by_id_;
  absl::flat_hash_set<Observer*> observers_;
  // On their way to another hub.
  size_t departing_ = 0;
  bool draining_ = false;
  // Those whose deadlines have not been looked at in this round.
  std::vector<std::shared_ptr<Connection>> due_;
  // Those that have something to write at the end of this turn.
  std::vector<std::shared_ptr<Connection>> writers_;
};

}  // namespace atrium
