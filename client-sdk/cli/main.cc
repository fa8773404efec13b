#include <google/protobuf/stubs/logging.h>

#include <cstdlib>
#include <iostream>

#include "client-sdk/cli/command_line.h"

namespace atrium::cli {
namespace {

constexpr int kFailed = 1;
constexpr int kBadUsage = 2;

int Main(int argc, char** argv) {
  // gRPC and Protobuf are to print nothing, because their errors come as statuses.
  setenv("GRPC_VERBOSITY", "NONE", /*replace=*/0);
  google::protobuf::SetLogHandler(nullptr);
  const absl::StatusOr<CommandLine> line = ParseCommandLine(argc, argv);
  absl::Status status = line.status();
  if (line.ok()) {
    std::cout << line->print;
    if (line->command != nullptr && line->print.empty()) status = line->command->run(line->invocation);
  }
  std::cout.flush();
  if (status.ok()) return 0;
  std::cerr << "atrium: " << status.message() << "\n";
  return IsBadUsage(status) ? kBadUsage : kFailed;
}

}  // namespace
}  // namespace atrium::cli

int main(int argc, char** argv) { return atrium::cli::Main(argc, argv); }
