#include "tests/support/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "absl/time/time.h"
#include "tests/support/eventually.h"

namespace atrium {
namespace {

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Process::Process(const std::string& program, const std::vector<std::string>& flags,
                 const std::vector<std::string>& environment) {
  std::array<int, 2> out{};
  std::array<int, 2> err{};
  EXPECT_EQ(pipe2(out.data(), O_CLOEXEC), 0);
  EXPECT_EQ(pipe2(err.data(), O_CLOEXEC), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
  std::vector<std::string> arguments = {program};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  EXPECT_EQ(
      posix_spawn(&pid_, program.c_str(), &actions, nullptr, Pointers(arguments).data(), Pointers(environment).data()),
      0);
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  close(err[1]);
  out_ = out[0];
  err_ = err[0];
}

Process::~Process() {
  if (!ended_ && pid_ > 0) kill(pid_, SIGKILL), waitpid(pid_, nullptr, 0);
  close(out_);
  close(err_);
}

void Process::Signal(int number) const { kill(pid_, number); }

int Process::ExitCode() {
  int status = 0;
  ended_ = Eventually([&] { return waitpid(pid_, &status, WNOHANG) == pid_; });
  return ended_ && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string Process::Read(int fd, bool line) {
  std::string text;
  pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
  char byte = 0;
  while (poll(&ready, 1, static_cast<int>(absl::ToInt64Milliseconds(kPatience))) == 1 && read(fd, &byte, 1) == 1) {
    text.push_back(byte);
    if (line && byte == '\n') break;
  }
  return text;
}

uint16_t PortOf(const std::string& ready, const std::string& door) {
  const size_t at = ready.find(door);
  return at == std::string::npos ? 0 : static_cast<uint16_t>(std::stoi(ready.substr(at + door.size())));
}

}  // namespace atrium
