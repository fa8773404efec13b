#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "atrium/v1/frames.pb.h"

// What was asked of a server and what each client saw, as the checker reads it. Plain data.
namespace atrium::verify {

namespace json = boost::json;

// An event, a patch or a member change; clients that saw the same share it.
using FramePtr = std::shared_ptr<const v1::ServerFrame>;

struct Position {
  std::string epoch;
  uint64_t offset = 0;
};

// Something that was asked. One that is repeated with its key is one call, asked and answered several times.
struct Call {
  enum class Kind { kEmit, kSetState, kMethod, kJoin, kLeave };
  Kind kind = Kind::kEmit;
  std::string room;
  // A text that no other call writes: whatever has it in the room comes from this call. Empty of kJoin and kLeave.
  std::string marker;
  std::string key;
  // Who asks; empty for a service.
  std::string member_id;
  std::vector<std::string> to;
  std::vector<std::string> exclude;
  bool include_self = false;
  absl::optional<uint64_t> expected_offset;
};

struct Asked {
  int call = 0;
  Call what;
};

// OK; an error by the server's word: it was not done; or, if in doubt, nobody knows.
struct Answered {
  int call = 0;
  absl::Status status;
  bool in_doubt = false;
  // Of what it made.
  absl::optional<Position> position;
};

// Frames of a room follow, those behind `position`.
struct Entered {
  std::string room;
  Position position;
  // The member; empty for somebody who watches, who sees what is public.
  std::string member_id;
  // What was missed since a position that the client named: what is public of it up to `public_until`.
  bool recovered = false;
  Position since;
  uint64_t public_until = 0;
  // At `position`; absent if recovered, or not asked for.
  absl::optional<json::value> state;
  int members = 0;
  int max_members = 0;
};

struct Saw {
  FramePtr frame;
};

// An answer on the connection that the frames come on: all that is for this client up to `position` has come.
struct Knows {
  std::string room;
  Position position;
  // At `position`; absent if it was not asked for.
  absl::optional<json::value> state;
  // Asked after everything else was answered.
  bool last = false;
};

// No frame of the room follows.
struct Exited {
  std::string room;
};

struct LostConnection {};

// Connected again: as the session that it was, whose frames go on, or as a new one that is in no room.
struct Reconnected {
  bool resumed = false;
};

struct Record {
  int client = 0;
  std::variant<Asked, Answered, Entered, Saw, Knows, Exited, LostConnection, Reconnected> what;
};

struct History {
  // Their names; records have their index.
  std::vector<std::string> clients;
  // Of one client in the order that it saw and did them; of several roughly so.
  std::vector<Record> records;
  // These must outlive the server's process.
  std::set<std::string> durable_rooms;
  // The server may have been restarted meanwhile.
  bool crashes = false;
};

}  // namespace atrium::verify
