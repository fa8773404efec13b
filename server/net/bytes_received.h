#pragma once

#include <cstdint>

namespace atrium {

// Returns how many bytes have come over a TCP connection since it began, whether they have been read or not; 0 if the
// kernel does not say.
int64_t BytesReceived(int descriptor);

}  // namespace atrium
