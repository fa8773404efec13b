#pragma once

#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "client-sdk/cli/verify/history.h"
#include "client-sdk/cli/verify/violation.h"

namespace atrium::verify {

// What happened to one call.
struct CallLog {
  Call what;
  std::vector<size_t> asked;     // records, as the following
  std::vector<size_t> answered;  // by the server
  // Attempts that were not answered, and those that were refused.
  int in_doubt = 0;
  int refused = 0;
  // It was done at these positions, by the server's word.
  std::vector<Position> done;
  bool ok() const { return answered.size() > static_cast<size_t>(refused); }
};

// A frame, and the record of who saw it first.
struct Sight {
  FramePtr frame;
  size_t record = 0;
};

// A frame that carries a marker.
struct Mark {
  std::string epoch;
  uint64_t offset = 0;
  bool in_event = false;
  size_t record = 0;
};

// What one client saw of one room from when it entered until it was out, lost connections in between included.
struct Stream {
  // A frame that it saw, or a position up to which it must have seen all.
  struct Step {
    size_t record = 0;
    uint64_t offset = 0;
    bool frame = false;
  };
  int client = 0;
  std::string room;
  std::string epoch;
  std::string member_id;
  size_t entered = 0;  // record
  uint64_t from = 0;   // frames behind this
  uint64_t public_until = 0;
  std::vector<Step> steps;

  bool SeesPublic(uint64_t offset) const { return member_id.empty() || offset <= public_until; }
  uint64_t end() const;
};

using RoomEpoch = std::pair<std::string, std::string>;

// A history, sorted by what it is about. Frames of which two versions were seen, or that came where none should, are
// violations already.
class Index {
 public:
  explicit Index(const History& history);

  const History& history;
  std::map<RoomEpoch, std::map<uint64_t, Sight>> frames;
  std::map<int, CallLog> calls;
  std::map<std::string, int> call_of_marker;
  // These calls were done there, by the server's word.
  std::map<RoomEpoch, std::map<uint64_t, int>> done_at;
  std::map<std::string, std::vector<Mark>> marks;  // by marker
  std::vector<Stream> streams;
  // This is the record of the last word on each room.
  std::map<std::string, size_t> last;
  std::vector<Violation> violations;

  // Returns the call that made a frame, or null if none did.
  const CallLog* CallOf(const v1::ServerFrame& frame) const;
  // Returns the offset of the last patch up to `offset`; 0 if none was seen.
  uint64_t PatchBefore(const RoomEpoch& room, uint64_t offset) const;

 private:
  void Add(size_t record, int client, const Asked& asked);
  void Add(size_t record, int client, const Answered& answered);
  void Add(size_t record, int client, const Entered& entered);
  void Add(size_t record, int client, const Saw& saw);
  void Add(size_t record, int client, const Knows& knows);
  void Add(size_t record, int client, const Exited& exited);
  void Add(size_t, int, const LostConnection&) {}
  void Add(size_t record, int client, const Reconnected& back);

  std::map<std::pair<int, std::string>, size_t> open_;  // client and room to its stream
  std::map<RoomEpoch, std::vector<uint64_t>> patches_;
};

}  // namespace atrium::verify
