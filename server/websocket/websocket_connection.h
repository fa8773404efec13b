#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "server/live/socket_poller.h"
#include "server/session/connection.h"
#include "server/websocket/frame_parser.h"
#include "server/websocket/websocket_door.h"

namespace atrium {

// A WebSocket after its upgrade. Pongs and closes go through the same queue as frames, so the socket has one writer.
class WebSocketConnection final : private SocketPoller::Handler, public Connection, private FrameParser::Sink {
 public:
  // Takes `socket` out of its io_context.
  WebSocketConnection(SessionHub& hub, WebSocketDoor& door, Encoding encoding, boost::asio::ip::tcp::socket socket);
  ~WebSocketConnection() override;

  void Start(absl::string_view leftover);

 private:
  void Write() override;
  void FinishClose(CloseCode code, absl::string_view reason) override;
  void Abort() override;
  void Ping() override;
  void Depart() override;
  void Arrive() override;
  void OnMessage(bool text, absl::string_view message) override;

  void OnReady(bool readable, bool writable) override;
  void Prepare() override { PrefetchSession(); }

  bool open() const { return socket_ >= 0; }
  SocketPoller& poller() { return door_->shard().sockets(); }
  // Has the shard's poller tell when the socket can be read.
  void BeginToWatch();
  // The same for all that is waited for now.
  void Watch();
  void ReadWhenIdle();
  void ReadSome();
  void Feed(absl::string_view bytes);
  // False if the socket took nothing more.
  bool WriteSome();
  // Gives the kernel what is queued, as far as one call goes, and says what it says.
  ssize_t SendQueued();

  // Of the shard that it is on.
  WebSocketDoor* door_;
  // -1 once it is closed.
  int socket_;
  // What the poller looks for, of SocketPoller's interests.
  uint32_t watched_ = 0;
  // Only while a frame or message is half read.
  std::unique_ptr<FrameParser> parser_;
  bool waiting_to_read_ = false;   // until the shard is idle
  bool waiting_to_write_ = false;  // until the socket takes more
  bool deaf_ = false;              // the client broke the protocol: its bytes mean nothing any more
  bool peer_closed_ = false;       // the client sent its close
  bool close_sent_ = false;        // ours is queued or sent
};

}  // namespace atrium
