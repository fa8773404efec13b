#pragma once

#include "absl/status/statusor.h"
#include "client-sdk/cli/commands.h"

namespace atrium::cli {

struct CommandLine {
  // Print this and nothing else.
  std::string print;
  const Command* command = nullptr;
  Invocation invocation;
};

// Reads the flags; ATRIUM_ADDRESS stands in for --address. BadUsage says what is wrong and where to look.
absl::StatusOr<CommandLine> ParseCommandLine(int argc, const char* const* argv);

}  // namespace atrium::cli
