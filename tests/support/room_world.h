#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "server/api/attendance.h"
#include "server/api/authorizer.h"
#include "server/api/local_rooms.h"
#include "server/api/room_api.h"
#include "server/live/manager/room_manager.h"
#include "server/session/session_api.h"
#include "server/session/session_hub.h"
#include "tests/support/manual_shards.h"
#include "tests/support/manual_workers.h"

namespace atrium::testing {

class RoomWorld;

// What a request comes to. A service's verb too answers as a v1::Reply, with its payload in it.
struct Answer {
  bool there() const { return times > 0; }
  // Of a join; null if it failed.
  json::value State() const;
  // Of a call; null if it failed.
  json::value Result() const;
  // Of an emit: how many sessions it was handed to; -1 if it failed.
  int notified() const { return reply.has_emit() ? reply.emit().notified() : -1; }

  // How often it was answered.
  int times = 0;
  // UNKNOWN "pending" until it is.
  absl::Status status = absl::UnknownError("pending");
  v1::Reply reply;
};
using AnswerPtr = std::shared_ptr<const Answer>;

inline absl::Status StatusOf(const AnswerPtr& answer) { return answer->status; }

struct JoinOptions {
  // JSON texts; empty for none. `info` is for services.
  std::string payload;
  std::string initial_state;
  std::string info;
  std::optional<v1::Position> since = std::nullopt;
};

// A client of a RoomWorld: a session with a connection that keeps what was written to it. Its user id is its name.
class Client {
 public:
  Client(RoomWorld& world, std::string name, const std::string& address, int shard);
  ~Client();

  const std::string& name() const { return name_; }
  // Of its session, which is also its member id; "" before the welcome.
  const std::string& id() const { return id_; }
  int shard() const { return shard_; }
  bool connected() const { return connection_ != nullptr; }
  // Without a connection, and may come back.
  bool lost() const { return lost_; }

  // Each runs until nothing moves and returns the answer. A typed room is joined by a service, for this client.
  AnswerPtr Join(const std::string& room, const JoinOptions& options = {});
  AnswerPtr Leave(const std::string& room);
  AnswerPtr Emit(const std::string& room, const std::string& event, const std::string& data = "",
                 const EmitOptions& options = {}, bool include_self = false);
  AnswerPtr SetState(const std::string& room, const std::string& merge);
  AnswerPtr Call(const std::string& room, const std::string& method, const std::string& args = "{}");
  AnswerPtr Ask(v1::ClientFrame frame);
  void Disconnect();

  // The same without running anything: the request has just reached its shard.
  AnswerPtr BeginJoin(const std::string& room, const JoinOptions& options = {});
  AnswerPtr Begin(v1::ClientFrame frame);
  void BeginDisconnect();
  // Loses its connection, and what has not been written to it. Comes back over one that reaches that shard.
  void BeginLose();
  void BeginResume(int shard, const std::vector<v1::RoomPosition>& known);
  // How many of its requests may have no answer, because a connection was lost.
  size_t lost_requests() const { return lost_requests_; }

  // What came since the last call, each frame in a word: "hi@3", "patch@4", "+bob@5", "-bob@6", "left", "snapshot@7",
  // "goodbye". Replies and the welcome are left out.
  std::vector<std::string> Events();
  // The frames behind those words, since the last call of either.
  std::vector<v1::ServerFrame> Frames() { return std::exchange(frames_, {}); }

  const v1::ClientFrame& Sent(uint32_t id) const { return sent_[id - 1]; }
  const std::vector<std::shared_ptr<Answer>>& answers() const { return answers_; }

  // If set, is told of each frame when it has been written, replies included.
  std::function<void(const v1::ServerFrame&)> on_frame;
  // If set, is told that it came back too late; it is disconnected then.
  std::function<void()> on_too_late;

 private:
  class FakeConnection;
  void Receive(v1::ServerFrame frame);

  RoomWorld& world_;
  const std::string name_;
  const int shard_;
  std::string id_;
  std::string resume_token_;
  bool lost_ = false;
  size_t lost_requests_ = 0;
  std::shared_ptr<FakeConnection> connection_;
  // By id - 1.
  std::vector<v1::ClientFrame> sent_;
  std::vector<std::shared_ptr<Answer>> answers_;
  std::vector<v1::ServerFrame> frames_;
};

// Rooms, sessions and the API, all of the server but its doors, on shards without threads.
class RoomWorld {
 public:
  struct Settings {
    RoomSettings rooms;
    SessionSettings sessions = {.rate = 0};
    int shards = 2;
    // Where durable rooms are kept; null for none.
    RoomLog* room_log = nullptr;
  };
  explicit RoomWorld(RoomRegistry registry = {}) : RoomWorld(std::move(registry), Settings()) {}
  RoomWorld(RoomRegistry registry, Settings settings);
  ~RoomWorld();

  // A new client, with its welcome; on the shards in turn. `address` is its IP address; empty if that is unknown.
  Client& Connect(const std::string& name, const std::string& address = "");

  // A service's verbs, each on a thread of its own. Each runs until nothing moves.
  AnswerPtr Join(const std::string& room, const std::string& member_id, const JoinOptions& options = {});
  AnswerPtr Join(const std::string& room, const Client& client, const JoinOptions& options = {}) {
    return Join(room, client.id(), options);
  }
  AnswerPtr Emit(const std::string& room, const std::string& event, const EmitOptions& options = {});
  AnswerPtr Call(const std::string& room, const std::string& method, const std::string& args = "{}");
  AnswerPtr Kick(const std::string& room, const std::string& member_id);
  AnswerPtr Kick(const std::string& room, const Client& client) { return Kick(room, client.id()); }
  AnswerPtr Lock(const std::string& room, bool locked);
  AnswerPtr Destroy(const std::string& room);
  // The JSON of its state, of its metadata; "absent" if there is no such room.
  std::string State(const std::string& room);
  std::string Metadata(const std::string& room);
  // How many members it has; -1 if there is no such room.
  int Members(const std::string& room);

  // The same without running. `put` puts a result into its place in a reply.
  template <typename Request, typename Response>
  AnswerPtr Ask(void (RoomApi::*verb)(const Caller&, WithPayload<Request>, Done<Response>), Request request,
                std::function<void(const WithPayload<Response>&, v1::Reply&)> put = nullptr);

  // Runs `use` on the room; null if there is none, or it cannot be loaded.
  void With(const std::string& room, absl::AnyInvocable<void(Room*)> use);

  AnswerPtr BeginJoin(const std::string& room, const std::string& member_id, const JoinOptions& options = {});
  AnswerPtr BeginEmit(const std::string& room, const std::string& event, const EmitOptions& options);
  AnswerPtr BeginCall(const std::string& room, const std::string& method, const std::string& args);
  AnswerPtr BeginKick(const std::string& room, const std::string& member_id);
  AnswerPtr BeginLock(const std::string& room, bool locked);
  AnswerPtr BeginDestroy(const std::string& room);

  void Run() { shards_.Run(); }
  void Advance(absl::Duration duration) { shards_.Advance(duration); }

  // Does what the workers hold.
  void Work() {
    workers_.Run();
    Run();
  }

  ManualShards& shards() { return shards_; }
  ManualWorkers& workers() { return workers_; }
  RoomManager& manager() { return manager_; }
  RoomApi& api() { return api_; }
  SessionApi& sessions() { return sessions_; }
  const RoomRegistry& registry() const { return registry_; }
  SessionHub& hub(int shard) { return *hubs_[shard]; }
  // From here on the deadlines of connections and sessions are looked at.
  void StartHubs();

 private:
  AnswerPtr RunFor(AnswerPtr answer) {
    Run();
    return answer;
  }

  // Room code that throws is what tests are about: not even errors are told.
  Log log_{static_cast<LogLevel>(static_cast<int>(LogLevel::kError) + 1)};
  const RoomRegistry registry_;
  ManualShards shards_;
  ManualWorkers workers_{[this] { return shards_.steady(); }};
  RoomManager manager_;
  const Authenticator authenticator_{{.dev = true}, log_};
  Authorizer authorizer_{registry_};
  LocalRooms local_rooms_{manager_};
  Attendance attendance_{authorizer_, local_rooms_};
  std::vector<std::unique_ptr<SessionHub>> hubs_;
  SessionApi sessions_{authorizer_, hubs_};
  RoomApi api_{authorizer_, manager_, local_rooms_, sessions_};
  std::vector<std::unique_ptr<Client>> clients_;
};

// The settings of a world whose durable rooms are kept in `log`.
RoomWorld::Settings Storing(RoomLog& log);

template <typename Request, typename Response>
AnswerPtr RoomWorld::Ask(void (RoomApi::*verb)(const Caller&, WithPayload<Request>, Done<Response>), Request request,
                         std::function<void(const WithPayload<Response>&, v1::Reply&)> put) {
  auto answer = std::make_shared<Answer>();
  shards_.RunElsewhere([&] {
    absl::StatusOr<Payload> payload = Payload();
    if (PayloadField(*Request::descriptor()) != nullptr) payload = TakePayload(request);
    (api_.*verb)(Caller::Service(), {std::move(request), *std::move(payload)},
                 [answer, put = std::move(put)](absl::StatusOr<WithPayload<Response>> response) {
                   ++answer->times;
                   answer->status = response.status();
                   if (response.ok() && put) put(*response, answer->reply);
                 });
  });
  return answer;
}

}  // namespace atrium::testing
