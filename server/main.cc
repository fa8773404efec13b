#include <google/protobuf/stubs/logging.h>
#include <sys/resource.h>

#include <csignal>
#include <iostream>
#include <memory>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "rooms/room_catalog.h"
#include "server/options.h"
#include "server/server.h"
#ifdef ATRIUM_WEB
#include "client-sdk/web/demo_pages.h"
#endif

namespace atrium {
namespace {

constexpr int kBadUsage = 2;

int Fail(const absl::Status& status, int exit_code) {
  std::cerr << "atriumd: " << status.message() << "\n";
  return exit_code;
}

absl::Span<const Page> Pages() {
#ifdef ATRIUM_WEB
  return DemoPages();
#else
  return {};
#endif
}

// Raises the limit of file descriptors, of which each connection takes one, as far as the system lets us.
void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int Main(int argc, char** argv) {
  const absl::StatusOr<CommandLine> command_line = ParseCommandLine(argc, argv);
  if (!command_line.ok()) return Fail(command_line.status(), kBadUsage);
  if (!command_line->print.empty()) {
    std::cout << command_line->print;
    return 0;
  }
  RaiseFileLimit();
  // Debian's Abseil looks for deadlocks at each lock that gRPC takes.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // Protobuf would write a line for each broken message that a client sends; the client is told.
  google::protobuf::SetLogHandler(nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  // They are blocked before any thread starts, so that only sigwait sees them.
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);

  RoomRegistry registry;
  if (absl::Status status = RegisterRooms(registry); !status.ok()) return Fail(status, 1);
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Create(command_line->options, std::move(registry), Pages());
  if (!server.ok()) return Fail(server.status(), 1);
  if (command_line->options.dev) {
    (*server)->log().Warning("--dev: every door is open without credentials, to this machine only");
  }
  std::cout << "atriumd ready grpc=" << (*server)->grpc_address() << " http=" << (*server)->http_address()
            << " admin=" << (*server)->admin_address() << std::endl;

  int signal = 0;
  while (sigwait(&stop, &signal) == 0 && signal == SIGHUP) (*server)->Reload();
  (*server)->Drain();
  return 0;
}

}  // namespace
}  // namespace atrium

int main(int argc, char** argv) { return atrium::Main(argc, argv); }
