#include "tests/bench/instructions.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "tests/bench/check.h"
#include "tests/bench/child_process.h"
#include "tests/bench/fanout.h"
#include "tests/bench/scratch_directory.h"

namespace atrium::bench {
namespace {

constexpr Shape kShape{.rooms = 50, .members = 2, .burst = 1};
constexpr int kWarmUp = 500;
constexpr int kPublishes = 2000;
constexpr absl::Duration kStartLimit = absl::Seconds(60);

void RunProgram(std::vector<std::string> arguments) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  int status = posix_spawnp(&pid, argv[0], &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (status == 0) waitpid(pid, &status, 0);
  if (status != 0)
    Fail(absl::StrCat("cannot run ", arguments[0], ", which comes with valgrind (deploy/setup --tests)"));
}

// The sum of a dump of callgrind.
int64_t TotalOf(const std::string& path) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    absl::string_view value = line;
    int64_t total = 0;
    if (absl::ConsumePrefix(&value, "totals:") && absl::SimpleAtoi(value, &total)) return total;
  }
  Fail("no totals in " + path);
}

}  // namespace

int64_t InstructionsPerDelivery(Loop& loop, std::vector<std::string> command, const std::string& directory,
                                const std::string& kept) {
  const ScratchDirectory scratch(directory);
  const std::string dump = scratch.path() + "/callgrind.out";
  const std::string pipes = "--vgdb-prefix=" + scratch.path() + "/vgdb";
  std::vector<std::string> arguments = {
      "/usr/bin/env", "valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=" + dump,
      pipes};
  arguments.insert(arguments.end(), command.begin(), command.end());
  const ChildProcess atriumd(std::move(arguments), kStartLimit);
  const auto control = [&](const char* what) {
    RunProgram({"callgrind_control", pipes, what, absl::StrCat(atriumd.pid())});
  };
  Crowd crowd(loop, atriumd, atriumd.Port("http"), Opening::kWebSocket, kShape);
  crowd.Open();
  crowd.RunOneByOne(kWarmUp);
  control("--instr=on");
  crowd.RunOneByOne(kPublishes);
  control("--dump");
  const int64_t total = TotalOf(dump + ".1");
  std::filesystem::rename(dump + ".1", kept);
  return total / kPublishes;
}

}  // namespace atrium::bench
