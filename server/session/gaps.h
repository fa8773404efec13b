#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "atrium/v1/frames.pb.h"
#include "server/common/rare.h"
#include "server/live/rooms/admission.h"
#include "server/session/outbox.h"

namespace atrium {

class SessionCore;

// The rooms of one session whose frames do not reach its client for now, because it has lost its connection or is too
// slow for them. Such a room is paused in its channel, until it is asked for what was missed: the frames since a
// position, or, where that is not known or not kept any more, a snapshot for all of them. Runs on the session's shard.
class Gaps {
 public:
  explicit Gaps(SessionCore& core) : core_(core) {}

  bool contains(const std::string& room_id) const { return gaps_->contains(room_id); }

  // Opens a gap in each room, because the connection is lost: behind the last frame that has been sent. `unsent` are
  // those that have not. Questions under way count no more.
  void OpenAll(const std::vector<FramePtr>& unsent);
  // Opens one in a room of which the client knows nothing: the session has come into it without a connection.
  void OpenUnknown(const std::string& room_id);
  // Has the room go on from `position`, of which the client has just been told for one member. Asks for that, unless it
  // is to be told for others yet.
  void GoOnFrom(const std::string& room_id, v1::Position position);
  // Puts off the frame that a room sends, for which the queue has no room, and all that follows it there. Returns false
  // if it is not in the history of a room.
  bool PutOff(const FrameOrigin& frame);
  // The session is not in the room any more.
  void Forget(const std::string& room_id);

  // The client comes back, and says that it has what is `known`.
  void Learn(const google::protobuf::RepeatedPtrField<v1::RoomPosition>& known);
  // Whether the client gets a snapshot of the room for each of its members there.
  bool OwesSnapshots(const std::string& room_id) const;
  // Asks all rooms, because there is a connection again.
  void AskAll();
  // Asks one room that waits for room in the queue, of which there is some now, unless one is being asked.
  void AskNext();

  // Makes room in a full queue: drops the frames of the largest of the rooms that let a snapshot stand for them, and
  // opens a gap there. `next` does not fit; it is null if it is no frame. Returns the room's key; 0 if there is no such
  // room.
  uint64_t Coalesce(Outbox& outbox, const Frame* next);

 private:
  struct Gap {
    // The client has what comes up to this; it is absent if that is not known.
    std::optional<v1::Position> since;
    // The client may not know which members it has there: it gets a snapshot for each, unless it has a frame of this
    // offset or a later one.
    std::optional<uint64_t> untold;
    // Names the question that the room has been asked; 0 stands for none.
    uint64_t question = 0;
  };

  // Also pauses the room in its channel.
  Gap& Open(const std::string& room_id);
  void Ask(const std::string& room_id, Gap& gap);
  void OnCaughtUp(const std::string& room_id, uint64_t question, absl::StatusOr<Admission> admission);
  void SendSnapshots(Admission& admission, const std::vector<std::string>& members);

  SessionCore& core_;
  Rare<absl::flat_hash_map<std::string, Gap>> gaps_;
  uint64_t last_question_ = 0;
};

}  // namespace atrium
