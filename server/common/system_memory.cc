#include "server/common/system_memory.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace atrium {
namespace {

std::string Read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Returns the least that the file `name` of the group at `path` or of one above it says, and `most` if that is less.
int64_t LeastLimit(const std::string& root, std::string path, const char* name, int64_t most) {
  for (;;) {
    int64_t limit = 0;
    // Version 2 says `max` if there is none, version 1 a number larger than any memory.
    if (absl::SimpleAtoi(Read(absl::StrCat(root, path, "/", name)), &limit) && limit > 0) most = std::min(most, limit);
    if (path.empty()) return most;
    path.resize(path.rfind('/'));
  }
}

}  // namespace

int64_t SystemMemory() { return SystemMemory(Read("/proc/self/cgroup"), "/sys/fs/cgroup"); }

int64_t SystemMemory(absl::string_view groups, const std::string& root) {
  int64_t least = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  for (const absl::string_view line : absl::StrSplit(groups, '\n')) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() != 3 || !absl::StartsWith(fields[2], "/")) continue;
    const std::string path(fields[2] == "/" ? "" : fields[2]);
    if (fields[1].empty()) {
      least = LeastLimit(root, path, "memory.max", least);
    } else if (fields[1] == "memory") {
      least = LeastLimit(absl::StrCat(root, "/memory"), path, "memory.limit_in_bytes", least);
    }
  }
  return least;
}

int64_t ResidentMemory() {
  // The second number counts resident pages: proc(5).
  const std::string text = Read("/proc/self/statm");
  const std::vector<absl::string_view> fields = absl::StrSplit(text, ' ');
  int64_t pages = 0;
  return fields.size() > 1 && absl::SimpleAtoi(fields[1], &pages) ? pages * sysconf(_SC_PAGESIZE) : 0;
}

}  // namespace atrium
