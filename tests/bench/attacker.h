#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace atrium::bench {

// A connection to 127.0.0.1 that sends what it is told to, and does not read unless it is told to. It blocks, for a
// tenth of a second at most. One thread.
class Attacker {
 public:
  explicit Attacker(uint16_t port);
  ~Attacker();
  Attacker(Attacker&& other) noexcept;
  Attacker& operator=(Attacker&&) = delete;

  // Shakes hands with /ws and says hello. False if the server does not want it.
  bool OpenWebSocket(bool deflate);

  // What of `bytes` has not been sent stays in it, for the next call. False if the connection is lost.
  bool Send(absl::string_view& bytes);

  // Reads what is there and forgets it.
  void Drain();

 private:
  int fd_;
};

}  // namespace atrium::bench
