#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace atrium {

// Returns how many bytes of memory this process may have: the least limit of the control groups that it is in, of
// version 1 or 2 (cgroups(7)), else what the machine has. It is thread-safe.
int64_t SystemMemory();

// Does the same for the groups that `groups`, the text of /proc/self/cgroup, names, of a hierarchy mounted at `root`.
// A group that cannot be read, as in a container that sees its own as the root, limits nothing.
int64_t SystemMemory(absl::string_view groups, const std::string& root);

// Returns how many bytes of this process are in memory (RSS), or 0 if the system does not say. It is thread-safe.
int64_t ResidentMemory();

}  // namespace atrium
