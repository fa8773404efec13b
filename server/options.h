#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/access/client_tokens.h"
#include "server/access/room_pattern.h"
#include "server/common/log.h"
#include "server/http/origins.h"
#include "server/live/rooms/room_settings.h"
#include "server/session/session_settings.h"

namespace atrium {

// What atriumd can be told, by flags or environment variables.
struct Options {
  // These are host:port; port 0 picks a free one.
  std::string grpc_address;
  std::string http_address;
  std::string admin_address;
  // If true, every door is open without credentials, on loopback only.
  bool dev = false;
  // These files have the keys of services and those that clients' tokens are signed with; empty if there are none.
  std::string service_keys;
  std::string client_jwks;
  TokenRules tokens;
  std::vector<RoomPattern> anonymous;
  // Pages of these may use the HTTP port.
  Origins origins;
  // And these the admin port.
  Origins admin_origins;
  // The files are looked at this often.
  absl::Duration reload_interval;
  // Whether gRPC may be reached from other machines, because something stands in front of it.
  bool grpc_behind_proxy = false;
  int shards = 1;
  LogLevel log_level = LogLevel::kInfo;
  // After SIGTERM, clients have this time to go.
  absl::Duration drain_timeout;
  // A REST body may have so many bytes; 0 means no limit.
  size_t max_body_bytes = 0;
  // A whole HTTP request must have come within this.
  absl::Duration request_timeout;
  // An HTTP connection is kept for so long between two requests.
  absl::Duration http_idle_timeout;
  // Of these limits 0 means none.
  int max_connections = 0;
  int max_websockets = 0;
  int max_grpc_connections = 0;
  int max_grpc_streams = 0;
  int max_connections_per_address = 0;
  int max_rooms = 0;
  int max_sessions_per_user = 0;
  int64_t memory_limit = 0;
  // Durable rooms are kept in this directory; if it is empty, in memory only.
  std::string data_dir;
  RoomSettings rooms;
  SessionSettings sessions;
};

// What the command line asks for.
struct CommandLine {
  // If this is not empty (--help or --version), it is to be printed, and the exit code is 0.
  std::string print;
  Options options;
};

// Reads flags, then environment variables (`--http-address` is ATRIUM_HTTP_ADDRESS), then defaults. INVALID_ARGUMENT
// naming the flag or variable and its rule.
absl::StatusOr<CommandLine> ParseCommandLine(int argc, const char* const* argv);

}  // namespace atrium
