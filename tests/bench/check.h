#pragma once

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace atrium::bench {

// Ends the program with a message: a benchmark that cannot do its work has nothing to report. Its children end with it.
[[noreturn]] inline void Fail(const std::string& message) {
  std::fflush(stdout);
  std::fprintf(stderr, "atrium_bench: %s\n", message.c_str());
  std::_Exit(1);
}

inline void Check(bool condition, const char* what) {
  if (!condition) Fail(what);
}

// For system calls; says what errno means.
inline void CheckSystem(bool condition, const char* what) {
  if (!condition) Fail(std::string(what) + ": " + std::strerror(errno));
}

}  // namespace atrium::bench
