#pragma once

#include <memory>
#include <optional>

#include "absl/strings/string_view.h"
#include "server/http/http_session.h"
#include "server/live/shards/socket.h"
#include "server/live/shards/socket_poller.h"

namespace atrium {

// A connection whose first request has not come yet. The request is read once the shard has nothing else to do, because
// who is new comes after those who are not. By then it has mostly come; the socket is watched only if it has not.
//
// The handshake of a WebSocket is answered here if it came in one piece, so that a client that arrives costs neither a
// coroutine nor a place in Asio's reactor. All else goes on as an HttpSession.
//
// It runs on its shard, whose HttpShard owns it; only the constructor may run on another thread.
class Arrival final : public std::enable_shared_from_this<Arrival>, private SocketPoller::Handler {
 public:
  // Counts the connection in the gate.
  Arrival(Socket socket, std::shared_ptr<HttpShard> http);
  ~Arrival();
  Arrival(const Arrival&) = delete;
  Arrival& operator=(const Arrival&) = delete;

  void Start();

 private:
  void OnReady(bool readable, bool writable) override;
  void ReadWhenIdle();
  void Read();
  // Watches the socket until there is something to read, or it has been silent for too long.
  void Watch();
  void SetDeadline();
  void StopWatching();
  // Goes on as what `read`, the beginning of its first request, asks for.
  void GoOn(absl::string_view read);
  // Returns false if `read` is no handshake that can be accepted, or not all of one, so that an HttpSession sees to it.
  bool BecomeWebSocket(absl::string_view read);
  // Takes it out of the arrivals.
  void End();

  const std::shared_ptr<HttpShard> http_;
  Socket socket_;
  bool watched_ = false;
  std::optional<Shard::TimerId> deadline_;
};

}  // namespace atrium
