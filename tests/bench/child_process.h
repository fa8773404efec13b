#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace atrium::bench {

// A server under measurement, in a process of its own that ends with this one.
class ChildProcess {
 public:
  // Starts `arguments` (the first is the program) and waits for its first line on stdout, which says where it serves.
  explicit ChildProcess(std::vector<std::string> arguments, absl::Duration start_limit = absl::Seconds(10));
  // SIGTERM; SIGKILL after five seconds.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  // The port in `name=127.0.0.1:port` of that first line.
  uint16_t Port(absl::string_view name) const;
  bool HasPort(absl::string_view name) const;

  // User and system time of all its threads, so far.
  absl::Duration CpuTime() const;
  // The same for each of them that still runs, by thread id.
  std::map<int, absl::Duration> ThreadCpuTimes() const;
  int64_t ResidentBytes() const;
  // The most that was resident since the start, or since it was forgotten.
  int64_t PeakResidentBytes() const;
  void ForgetPeak() const;

  // SIGKILL, and waits for the end.
  void Kill();

 private:
  pid_t pid_ = 0;
  int out_ = -1;
  std::string ready_line_;
};

// What a server process of this program does once it listens: prints its ready line, with names and ports.
void SayReady(const std::vector<std::pair<std::string, uint16_t>>& ports);

// SIGTERM, for a server process. Made before any thread starts, so that only Wait sees it.
class StopSignal {
 public:
  StopSignal();
  void Wait() const;

 private:
  sigset_t signals_;
};

}  // namespace atrium::bench
