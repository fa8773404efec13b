#pragma once

#include <cstddef>

namespace atrium {

// Has the processor begin to fetch `bytes` of memory from `object` on, which are wanted soon. Among thousands of
// sessions and rooms, what a frame needs was last touched long ago, and waiting for it line by line costs more than all
// that is done with it. `object` may be null.
template <typename T>
void Prefetch(const T* object, size_t bytes = sizeof(T)) {
  if (object == nullptr) return;
  constexpr size_t kLine = 64;
  const char* const begin = reinterpret_cast<const char*>(object);
  for (size_t at = 0; at < bytes; at += kLine) __builtin_prefetch(begin + at);
}

}  // namespace atrium
