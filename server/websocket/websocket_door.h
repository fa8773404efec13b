#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "server/live/shards/io_shard.h"
#include "server/live/shards/socket.h"
#include "server/session/session_hub.h"
#include "server/websocket/frame_parser.h"

namespace atrium {

// The WebSocket connections of one shard, and what they share: one buffer to read into and one to write from, what
// unpacks compressed messages, and the parsers of those that are between two messages. It runs on the shard of `hub`.
class WebSocketDoor {
 public:
  // `hub` lives on `shard`. `doors` are those of all shards, this one among them; they are filled in before the first
  // connection.
  WebSocketDoor(SessionHub& hub, IoShard& shard, const std::vector<std::unique_ptr<WebSocketDoor>>& doors)
      : hub_(hub), shard_(shard), doors_(doors) {}

  IoShard& shard() { return shard_; }
  WebSocketDoor& OnShard(int index) const { return *doors_[index]; }

  // Serves frames on `socket` after its upgrade was answered with 101. `token` is what its client has shown, if
  // anything; `leftover` is what it sent behind its request.
  void Accept(Socket socket, Encoding encoding, std::string token, absl::string_view leftover);

  std::unique_ptr<FrameParser> TakeParser();
  // Takes back a parser that is idle and has seen no close.
  void GiveBack(std::unique_ptr<FrameParser> parser);

  Inflater& inflater() { return inflater_; }
  std::array<char, 64 * 1024>& read_buffer() { return read_buffer_; }
  std::array<char, 16 * 1024>& write_buffer() { return write_buffer_; }

 private:
  SessionHub& hub_;
  IoShard& shard_;
  const std::vector<std::unique_ptr<WebSocketDoor>>& doors_;
  std::vector<std::unique_ptr<FrameParser>> parsers_;
  Inflater inflater_;
  std::array<char, 64 * 1024> read_buffer_;
  std::array<char, 16 * 1024> write_buffer_;
};

}  // namespace atrium
