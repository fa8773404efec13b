#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client-sdk/cli/rpc.h"
#include "client-sdk/cli/session.h"
#include "client-sdk/cli/verify/recorder.h"
#include "client-sdk/cli/verify/settings.h"

namespace atrium::verify {

// Returns whether nobody knows if what was asked was done.
bool InDoubt(const absl::Status& status);

// A client of the server under test: a session that loses connections and comes back, and records all that it sees. One
// thread calls it; what it sees comes on another.
class Client {
 public:
  // `name` is also the id of its user, unless there is a token.
  Client(cli::Rpc& rpc, Recorder& recorder, const Settings& settings, std::string name);

  // Connects if it is not connected, resuming its session if it may, and goes back into the rooms that it was in.
  // Returns false when the server is away for too long.
  bool Connect();

  // Joins a room; a typed one by the service. Returns OK if it is in already.
  absl::Status Join(const std::string& room, bool typed);
  absl::Status Leave(const std::string& room);

  // Sends a request without waiting; Wait returns the reply to it, or UNAVAILABLE if the connection was lost.
  uint32_t Send(v1::ClientFrame frame);
  absl::StatusOr<v1::Reply> Wait(uint32_t id);

  // Loses the connection: the session may be resumed.
  void Drop();
  // Ends the session.
  void End();

  int number() const { return number_; }
  const std::string& name() const { return name_; }
  // Returns how many connections it has had.
  int connections() const;
  std::string id() const;
  bool in(const std::string& room) const;
  // Returns the offset of the last patch of a room that it has seen.
  uint64_t patch_offset(const std::string& room) const;

 private:
  struct Seat {
    bool typed = false;
    // Whether frames of the room come.
    bool in = false;
    // This is the position of the last frame.
    Position position;
    uint64_t patch_offset = 0;
  };
  enum class State { kAway, kConnecting, kConnected, kEnding, kLost };

  bool Sits(const std::string& room) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Says that the connection is about to end by this client's will.
  void Ending();

  void WaitForEnd();
  bool OpenConnection();
  bool Rejoin();
  absl::Status JoinAt(const std::string& room, bool typed, const Position& since);
  absl::Status AskToJoin(const v1::JoinRequest& request, bool typed);

  // These run on the session's thread.
  void OnFrame(const v1::ServerFrame& frame);
  void OnEnd(const absl::Status& status);
  void OnWelcome(const v1::Welcome& welcome);
  void OnReply(const v1::Reply& reply);
  void OnEntered(const v1::Room& room, const std::string& member_id, const v1::Position& position, bool recovered,
                 const google::protobuf::Value& state);
  void OnKnows(const std::string& room, const v1::Position& position, const google::protobuf::Value* state);

  cli::Rpc& rpc_;
  Recorder& recorder_;
  const Settings& settings_;
  const std::string name_;
  const int number_;
  std::unique_ptr<cli::Session> session_;

  mutable absl::Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kAway;
  absl::Status end_ ABSL_GUARDED_BY(mutex_);  // of the last connection
  int connections_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string id_ ABSL_GUARDED_BY(mutex_);
  std::string resume_token_ ABSL_GUARDED_BY(mutex_);
  uint32_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint32_t, std::string> pending_ ABSL_GUARDED_BY(mutex_);  // requests to their rooms
  std::map<uint32_t, v1::Reply> replies_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Seat> seats_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atrium::verify
