#include "tests/bench/serve_atrium.h"

#include <csignal>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/common/status_macros.h"
#include "server/options.h"
#include "server/server.h"
#include "tests/bench/bench_rooms.h"
#include "tests/bench/check.h"
#include "tests/bench/child_process.h"

namespace atrium::bench {
namespace {

absl::Status AddRooms(RoomRegistry& registry) {
  RETURN_IF_ERROR(registry.Add<ListRoom>());
  RETURN_IF_ERROR(registry.Add<ArenaRoom>());
  RETURN_IF_ERROR(registry.Add<FoldingArenaRoom>());
  return registry.Add<NotesRoom>();
}

void CheckOk(const absl::Status& status) {
  if (!status.ok()) Fail(absl::StrCat("Atrium cannot serve: ", status.message()));
}

}  // namespace

int ServeAtrium(int argc, const char* const* argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const StopSignal stop;
  const absl::StatusOr<CommandLine> command_line = ParseCommandLine(argc, argv);
  CheckOk(command_line.status());
  RoomRegistry registry;
  CheckOk(AddRooms(registry));
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Create(command_line->options, std::move(registry), {});
  CheckOk(server.status());
  SayReady({{"grpc", (*server)->grpc_port()}, {"http", (*server)->http_port()}, {"admin", (*server)->admin_port()}});
  stop.Wait();
  return 0;
}

}  // namespace atrium::bench
