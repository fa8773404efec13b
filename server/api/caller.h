#pragma once

#include <cstdint>
#include <string>

namespace atrium {

// Who asks, by the server's own knowledge.
struct Caller {
  enum class Kind {
    kService,    // a trusted backend
    kClient,     // a session
    kComponent,  // server code of a component: trusted as a service is, and a member perhaps
  };
  Kind kind = Kind::kClient;
  // Of a client, or of the one that a component belongs to: its session.
  std::string session_id;
  std::string user_id;
  // Of a client or component: the member that it acts as. A client may act as its session or as a component of that.
  std::string member_id;

  static Caller Service() { return {.kind = Kind::kService}; }
};

}  // namespace atrium
