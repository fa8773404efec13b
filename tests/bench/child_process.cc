#include "tests/bench/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "tests/bench/check.h"

namespace atrium::bench {
namespace {

constexpr absl::Duration kStopLimit = absl::Seconds(5);

[[noreturn]] void Become(std::vector<std::string> arguments, int out, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  dup2(out, STDOUT_FILENO);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  Fail(absl::StrCat("cannot run ", arguments[0], ": ", std::strerror(errno)));
}

std::string ReadLine(int fd, const std::string& program, absl::Duration limit) {
  const absl::Time deadline = absl::Now() + limit;
  std::string line;
  while (absl::Now() < deadline) {
    pollfd readable{.fd = fd, .events = POLLIN};
    if (poll(&readable, 1, 100) <= 0) continue;
    char c = 0;
    if (read(fd, &c, 1) != 1) Fail(program + " ended before it served");
    if (c == '\n') return line;
    line.push_back(c);
  }
  Fail(program + " did not say that it serves");
}

}  // namespace

ChildProcess::ChildProcess(std::vector<std::string> arguments, absl::Duration start_limit) {
  int ends[2];
  CheckSystem(pipe2(ends, O_CLOEXEC) == 0, "pipe");
  const pid_t parent = getpid();
  const std::string program = arguments[0];
  pid_ = fork();
  CheckSystem(pid_ >= 0, "fork");
  if (pid_ == 0) Become(std::move(arguments), ends[1], parent);
  close(ends[1]);
  out_ = ends[0];
  ready_line_ = ReadLine(out_, program, start_limit);
}

ChildProcess::~ChildProcess() {
  if (pid_ == 0) return;
  kill(pid_, SIGTERM);
  const absl::Time deadline = absl::Now() + kStopLimit;
  while (waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (absl::Now() >= deadline) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
      break;
    }
    absl::SleepFor(absl::Milliseconds(5));
  }
  close(out_);
}

void ChildProcess::Kill() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  close(out_);
  pid_ = 0;
}

uint16_t ChildProcess::Port(absl::string_view name) const {
  const std::string before = absl::StrCat(" ", name, "=127.0.0.1:");
  const size_t at = ready_line_.find(before);
  uint32_t port = 0;
  if (at != std::string::npos) {
    const size_t from = at + before.size();
    (void)absl::SimpleAtoi(ready_line_.substr(from, ready_line_.find(' ', from) - from), &port);
  }
  if (port == 0) Fail(absl::StrCat("no port for ", name, " in: ", ready_line_));
  return static_cast<uint16_t>(port);
}

bool ChildProcess::HasPort(absl::string_view name) const {
  return absl::StrContains(ready_line_, absl::StrCat(" ", name, "="));
}

absl::Duration ChildProcess::CpuTime() const {
  // Nanoseconds, where /proc/PID/stat has hundredths of a second.
  clockid_t clock{};
  timespec used{};
  const bool read = clock_getcpuclockid(pid_, &clock) == 0 && clock_gettime(clock, &used) == 0;
  Check(read, "cannot read the CPU time of a child: it has ended");
  return absl::DurationFromTimespec(used);
}

std::map<int, absl::Duration> ChildProcess::ThreadCpuTimes() const {
  std::map<int, absl::Duration> times;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(absl::StrCat("/proc/", pid_, "/task"), error)) {
    std::ifstream schedstat(entry.path() / "schedstat");
    int thread = 0;
    int64_t nanoseconds = 0;
    // A thread may end meanwhile.
    if (schedstat >> nanoseconds && absl::SimpleAtoi(entry.path().filename().string(), &thread)) {
      times[thread] = absl::Nanoseconds(nanoseconds);
    }
  }
  Check(!times.empty(), "cannot read the CPU time of a child's threads");
  return times;
}

int64_t ChildProcess::ResidentBytes() const {
  std::ifstream statm(absl::StrCat("/proc/", pid_, "/statm"));
  int64_t pages = 0;
  statm >> pages >> pages;
  Check(pages > 0, "cannot read the memory of a child: it has ended");
  return pages * sysconf(_SC_PAGESIZE);
}

int64_t ChildProcess::PeakResidentBytes() const {
  std::ifstream status(absl::StrCat("/proc/", pid_, "/status"));
  std::string line;
  int64_t kib = 0;
  while (std::getline(status, line)) {
    absl::string_view value = line;
    if (absl::ConsumePrefix(&value, "VmHWM:")) (void)absl::SimpleAtoi(absl::StripSuffix(value, " kB"), &kib);
  }
  Check(kib > 0, "cannot read the peak memory of a child: it has ended");
  return kib * 1024;
}

void ChildProcess::ForgetPeak() const {
  std::ofstream clear(absl::StrCat("/proc/", pid_, "/clear_refs"));
  clear << "5" << std::flush;
  Check(clear.good(), "cannot reset the peak memory of a child");
}

void SayReady(const std::vector<std::pair<std::string, uint16_t>>& ports) {
  std::printf("ready");
  for (const auto& [name, port] : ports) std::printf(" %s=127.0.0.1:%u", name.c_str(), port);
  std::printf("\n");
  std::fflush(stdout);
}

StopSignal::StopSignal() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
}

void StopSignal::Wait() const {
  int signal = 0;
  sigwait(&signals_, &signal);
}

}  // namespace atrium::bench
