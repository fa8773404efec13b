#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "atrium/v1/frames.pb.h"

// What was asked of a server and what each client saw, as the checker reads it. All of it is plain data.
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
  // No other call writes this text: whatever has it in the room comes from this call. It is empty for kJoin and kLeave.
  std::string marker;
  std::string key;
  // This member asks; it is empty for a service.
  std::string member_id;
  std::vector<std::string> to;
  std::vector<std::string> exclude;
  bool include_self = false;
  std::optional<uint64_t> expected_offset;
};

struct Asked {
  int call = 0;
  Call what;
};

// If it is OK the call was done; with an error of the server it was not; if it is in doubt, nobody knows.
struct Answered {
  int call = 0;
  absl::Status status;
  bool in_doubt = false;
  // This is the position of what it made.
  std::optional<Position> position;
};

// The client has entered a room, whose frames behind `position` follow.
struct Entered {
  std::string room;
  Position position;
  // This is the member; it is empty for somebody who watches, who sees what is public.
  std::string member_id;
  // If true, what was missed since the position that the client named comes too; up to `public_until`, what is public
  // of it.
  bool recovered = false;
  Position since;
  uint64_t public_until = 0;
  // This is the state at `position`; it is absent if recovered, or not asked for.
  std::optional<json::value> state;
  int members = 0;
  int max_members = 0;
};

struct Saw {
  FramePtr frame;
};

// An answer came on the connection that the frames come on, so that all that is for this client up to `position` has
// come.
struct Knows {
  std::string room;
  Position position;
  // This is the state at `position`; it is absent if it was not asked for.
  std::optional<json::value> state;
  // Whether it was asked after everything else was answered.
  bool last = false;
};

// The client has left a room, of which no frame follows.
struct Exited {
  std::string room;
};

struct LostConnection {};

// The client has connected again: as the session that it was, whose frames go on, or as a new one that is in no room.
struct Reconnected {
  bool resumed = false;
};

struct Record {
  int client = 0;
  std::variant<Asked, Answered, Entered, Saw, Knows, Exited, LostConnection, Reconnected> what;
};

struct History {
  // These are their names; records have their index.
  std::vector<std::string> clients;
  // Those of one client are in the order that it saw and did them; those of several are roughly so.
  std::vector<Record> records;
  // These must outlive the server's process.
  std::set<std::string> durable_rooms;
  // Whether the server may have been restarted meanwhile.
  bool crashes = false;
};

}  // namespace atrium::verify
