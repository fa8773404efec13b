#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace atrium {

// A running program, ended with this object.
class Process {
 public:
  Process(const std::string& program, const std::vector<std::string>& flags,
          const std::vector<std::string>& environment = {});
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  // Up to the end of what it writes, or of a line.
  std::string ReadLine() { return Read(out_, /*line=*/true); }
  std::string ReadOut() { return Read(out_, /*line=*/false); }
  std::string ReadErr() { return Read(err_, /*line=*/false); }
  void Signal(int number) const;
  pid_t pid() const { return pid_; }
  // -1 if it does not end by itself in time.
  int ExitCode();

 private:
  static std::string Read(int fd, bool line);

  pid_t pid_ = 0;
  int out_ = -1;
  int err_ = -1;
  bool ended_ = false;
};

// What atriumd needs to start beside others.
inline const std::vector<std::string> kFreePorts = {"--dev", "--grpc-address=127.0.0.1:0", "--http-address=127.0.0.1:0",
                                                    "--admin-address=127.0.0.1:0"};

// The port behind `door`, such as "http=127.0.0.1:", in the line that atriumd prints when it is ready.
uint16_t PortOf(const std::string& ready, const std::string& door);

}  // namespace atrium
