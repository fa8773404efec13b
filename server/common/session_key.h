#pragma once

#include <cstdint>

namespace atrium {

// Names a session, component or observer in this process, for as long as the process lives. No two have the same.
using SessionKey = uint64_t;

}  // namespace atrium
