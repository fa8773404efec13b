#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "server/live/shards/socket.h"
#include "server/live/shards/socket_poller.h"
#include "server/session/connection.h"
#include "server/websocket/frame_parser.h"
#include "server/websocket/websocket_door.h"

namespace atrium {

// A WebSocket after its upgrade. Pongs and closes go through the same queue as frames, so that the socket has one
// writer. It runs on the shard of its hub, as any Connection.
class WebSocketConnection final : private SocketPoller::Handler, public Connection, private FrameParser::Sink {
 public:
  WebSocketConnection(SessionHub& hub, WebSocketDoor& door, Encoding encoding, Socket socket);
  ~WebSocketConnection() override;

  // Begins to read. `leftover` is what the client has sent behind its handshake.
  void Start(absl::string_view leftover);

 private:
  void Write() override;
  void TryToWrite() override;
  void FinishClose(CloseCode code, absl::string_view reason) override;
  void Abort() override;
  bool Ping() override;
  size_t UntakenBytes() const override;
  void Depart() override;
  void Arrive() override;
  bool OnMessage(bool text, absl::string_view message) override;
  bool OnOtherFrame() override;
  SteadyTime HalfReadSince() const override;

  void OnReady(bool readable, bool writable) override;
  void Prepare() override { PrefetchSession(); }

  bool open() const { return socket_ >= 0; }
  SocketPoller& poller() { return door_->shard().sockets(); }
  // Has the shard's poller tell when the socket can be read.
  void BeginToWatch();
  // Has the poller tell all that is waited for now.
  void Watch();
  void ReadWhenIdle();
  // Deals with what has been read and was left, else with what one read of the socket brings: as much as the socket's
  // turn and the client's rate allow. The rest is left.
  void ReadSome();
  void ReadSocket();
  // Returns how many bytes have been dealt with.
  size_t Feed(absl::string_view bytes);
  // Returns whether the parser may go on, after it has read so much.
  bool MayGoOn(size_t bytes);
  // Reads nothing for a while if the client is over its rate.
  void PauseIfOverRate();
  // Returns false if the socket took nothing more.
  bool WriteSome();
  // Gives the kernel what is queued, as far as one call goes, and returns what send() returns.
  ssize_t SendQueued();

  // Bytes that have been read from the socket; those from `begin` on have not been dealt with.
  struct Unread {
    std::string bytes;
    size_t begin;
  };

  // This is the door of the shard that it is on.
  WebSocketDoor* door_;
  // This is -1 once the socket is closed.
  int socket_;
  // The poller looks for this sum of SocketPoller's interests.
  uint32_t watched_ = 0;
  // This is null unless a frame or message is half read.
  std::unique_ptr<FrameParser> parser_;
  // This is null if nothing is unread, as it nearly always is.
  std::unique_ptr<Unread> unread_;
  SteadyTime half_read_since_;
  bool waiting_to_read_ = false;   // until the shard is idle
  bool asked_again_ = false;       // the poller will tell that there is something unread
  bool paused_ = false;            // the client is over its rate
  bool waiting_to_write_ = false;  // until the socket takes more
  bool deaf_ = false;              // the client broke the protocol: its bytes mean nothing any more
  bool peer_closed_ = false;       // the client sent its close
  bool close_sent_ = false;        // ours is queued or sent
};

}  // namespace atrium
