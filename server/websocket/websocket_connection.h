#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "server/session/connection.h"
#include "server/websocket/frame_parser.h"
#include "server/websocket/websocket_door.h"

namespace atrium {

// A WebSocket after its upgrade. Pongs and closes go through the same queue as frames, so the socket has one writer.
class WebSocketConnection final : public Connection, private FrameParser::Sink {
 public:
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

  std::shared_ptr<WebSocketConnection> Self();
  // Calls `then` when the socket is ready, unless it has been closed or has moved to another shard by then.
  void WaitFor(boost::asio::ip::tcp::socket::wait_type ready, void (WebSocketConnection::*then)());
  void WaitToRead();
  void ReadWhenIdle();
  void ReadSome();
  void Feed(absl::string_view bytes);
  void WaitToWrite();
  void WriteAgain();
  // False if the socket took nothing more.
  bool WriteSome();
  // Gives the kernel what is queued, as far as one call goes, and says what it says.
  ssize_t SendQueued();

  // Of the shard that it is on.
  WebSocketDoor* door_;
  boost::asio::ip::tcp::socket socket_;
  // While it is on its way between two shards.
  int descriptor_ = -1;
  bool v6_ = false;
  // Only while a frame or message is half read.
  std::unique_ptr<FrameParser> parser_;
  bool waiting_to_write_ = false;
  bool deaf_ = false;         // the client broke the protocol: its bytes mean nothing any more
  bool peer_closed_ = false;  // the client sent its close
  bool close_sent_ = false;   // ours is queued or sent
};

}  // namespace atrium
