#pragma once

#include "absl/status/statusor.h"
#include "client-sdk/cli/commands.h"

namespace atrium::cli {

struct CommandLine {
  // If this is not empty, it is printed and nothing else is done.
  std::string print;
  const Command* command = nullptr;
  Invocation invocation;
};

// Reads the flags; ATRIUM_ADDRESS, ATRIUM_KEY_FILE and ATRIUM_TOKEN_FILE stand in for theirs. BadUsage says what is
// wrong and where to look.
absl::StatusOr<CommandLine> ParseCommandLine(int argc, const char* const* argv);

}  // namespace atrium::cli
