#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "atrium/v1/frames.pb.h"
#include "server/common/rare.h"
#include "server/common/session_key.h"
#include "server/common/steady_time.h"

namespace atrium {

class Seats;

// Which members of one session have left which rooms, as long as its client may not have heard of it: while it has no
// connection, and for a while after the word has been written, because that may be lost with the connection. Runs on
// the session's shard.
class Departures {
 public:
  struct Departure {
    std::string room_id;
    std::string member_id;
    // This is the key of a component; 0 stands for the session itself.
    SessionKey component = 0;
    v1::LeaveReason reason = v1::LEAVE_REASON_UNSPECIFIED;
    // The member left the room that frames name so (RoomKey), behind its frame of this offset.
    uint64_t room = 0;
    uint64_t offset = 0;
    // Nothing that tells it has been written to the client.
    bool unsent = false;
    SteadyTime time;
  };

  // A client that lives has read by then what was written to it: it is pinged more often.
  static constexpr absl::Duration kHeardWithin = absl::Minutes(2);
  // Beyond so many, the oldest that was written is forgotten: as many as the rooms that a session may be in by default.
  static constexpr size_t kMost = 128;

  // Remembers a departure instead of an earlier one of the same member from a room of that id.
  void Add(Departure departure);
  // Forgets what was written before `time`.
  void ForgetBefore(SteadyTime time);
  // What tells of it was not written: the connection is lost.
  void MarkUnsent(uint64_t room, SessionKey component);
  // Returns null if that is not remembered.
  const Departure* Find(const std::string& room_id, SessionKey component) const;

  // Returns what the client is to be told now that it comes back and says that it has what is `known`, in the order in
  // which it happened: what is unsent, and what happened behind the positions that it names. It forgets the rest. Some
  // of these members may be in again, as `seats` says.
  std::vector<Departure> TakeOwed(const google::protobuf::RepeatedPtrField<v1::RoomPosition>& known,
                                  const Seats& seats);

 private:
  Rare<std::vector<Departure>> all_;
};

}  // namespace atrium
