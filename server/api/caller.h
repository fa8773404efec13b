#pragma once

#include <cstdint>
#include <string>

namespace atrium {

// Who asks, by the server's own knowledge.
struct Caller {
  enum class Kind {
    kService,  // a trusted backend
    kClient,   // a session
  };
  Kind kind = Kind::kClient;
  // Of a client: its session.
  std::string session_id;
  std::string user_id;

  static Caller Service() { return {.kind = Kind::kService}; }
};

}  // namespace atrium
