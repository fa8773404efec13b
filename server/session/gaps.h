#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "atrium/v1/frames.pb.h"
#include "server/live/room.h"
#include "server/session/outbox.h"

namespace atrium {

class Session;

// The rooms of one session whose frames do not reach its client for now: it has lost its connection, or is too slow for
// them. Such a room is paused in its channel, until it is asked for what was missed: the frames since a position, or,
// where that is not known or not kept any more, a snapshot for all of them. On the session's shard.
class Gaps {
 public:
  explicit Gaps(Session& session) : session_(session) {}

  bool contains(const std::string& room_id) const { return gaps_.contains(room_id); }

  // The connection is lost: a gap in each room, behind the last frame that has been sent. `unsent` are those that have
  // not. Questions under way count no more.
  void OpenAll(const std::vector<FramePtr>& unsent);
  // The session has come into a room without a connection: its client knows nothing of it.
  void OpenUnknown(const std::string& room_id);
  // The room goes on from `position`, of which the client has just been told; asks for that, unless all of its members
  // are to be told yet.
  void GoOnFrom(const std::string& room_id, v1::Position position);
  // The session is not in the room any more.
  void Forget(const std::string& room_id) { gaps_.erase(room_id); }

  // There is a connection again, and the client says what it has: asks all rooms.
  void AskAll(const google::protobuf::RepeatedPtrField<v1::RoomPosition>& known);
  // There is room in the queue: asks one room that waits for that, if none is being asked.
  void AskNext();

  // The queue is full: drops the frames of the largest of the rooms that let a snapshot stand for them, and opens a gap
  // there. `next` does not fit; null if it is no frame. Returns the room's key; 0 if there is no such room.
  uint64_t Coalesce(Outbox& outbox, const Frame* next);

 private:
  struct Gap {
    // Of what the client has; absent if that is not known.
    absl::optional<v1::Position> since;
    // The client may not know which members it has there: it gets a snapshot for each, unless it has a frame of this
    // offset or a later one.
    absl::optional<uint64_t> untold;
    // Names the question that the room has been asked; 0 if none.
    uint64_t question = 0;
  };

  // Also pauses the room.
  Gap& Open(const std::string& room_id);
  void Ask(const std::string& room_id, Gap& gap);
  void OnAnswer(const std::string& room_id, uint64_t question, absl::StatusOr<Admission> answer);
  void SendSnapshots(Admission& admission, const std::vector<std::string>& members);

  Session& session_;
  absl::flat_hash_map<std::string, Gap> gaps_;
  uint64_t last_question_ = 0;
};

}  // namespace atrium
