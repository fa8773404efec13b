#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/common/log.h"
#include "server/live/room.h"
#include "server/session/session_settings.h"

namespace atrium {

// What atriumd can be told, by flags or environment variables.
struct Options {
  // host:port; port 0 picks a free one.
  std::string grpc_address;
  std::string http_address;
  // Every door open without credentials, on loopback only.
  bool dev = false;
  int shards = 1;
  LogLevel log_level = LogLevel::kInfo;
  // How long SIGTERM waits for clients to go.
  absl::Duration drain_timeout;
  // A REST body, in bytes. 0: no limit.
  size_t max_body_bytes = 0;
  // A whole HTTP request must have come within this.
  absl::Duration request_timeout;
  int max_connections = 0;
  // Where durable rooms are kept; empty: in memory only.
  std::string data_dir;
  RoomSettings rooms;
  SessionSettings sessions;
};

// What the command line asks for.
struct CommandLine {
  // Print this and exit with 0: --help or --version.
  std::string print;
  Options options;
};

// Reads flags, then environment variables (`--http-address` is ATRIUM_HTTP_ADDRESS), then defaults. INVALID_ARGUMENT
// naming the flag or variable and its rule.
absl::StatusOr<CommandLine> ParseCommandLine(int argc, const char* const* argv);

}  // namespace atrium
