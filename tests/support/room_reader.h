#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "atrium/v1/frames.pb.h"
#include "tests/support/eventually.h"
#include "tests/support/http_client.h"

namespace atrium {

// The doors through which a room is watched.
enum class WatchDoor { kGrpc, kEvents, kLines };
std::string WatchDoorName(WatchDoor door);

// A reader of `GET /api/rooms/{room}/events`: takes chunks and events apart by itself. One thread at a time.
class HttpReader {
 public:
  struct Options {
    // Behind the path, with its question mark.
    std::string query;
    // Among them Accept: text/event-stream makes it read events.
    std::map<std::string, std::string> headers;
    std::string version = "1.1";
    // The kernel's, in bytes; 0 for its default.
    int receive_buffer = 0;
  };
  HttpReader(uint16_t port, const std::string& room, const Options& options);

  // An answer that is no stream has its body.
  const HttpReply& reply() const { return reply_; }

  struct Frame {
    // Empty if it has none.
    std::string id;
    v1::ServerFrame frame;
  };
  // None at the end of the stream, and at the deadline.
  std::optional<Frame> Read(absl::Duration patience = kPatience);
  // Comments, or empty lines between those of JSON, in what was read so far.
  int heartbeats() const { return heartbeats_; }
  int retry_ms() const { return retry_ms_; }
  // The end came, by a last chunk if there are chunks.
  bool ended() const { return last_chunk_ || socket_.ended(); }
  bool ended_well() const { return last_chunk_; }
  // The next read finds the end of the connection, with nothing before it.
  bool AwaitClose();

 private:
  // The next line, without its end.
  std::optional<std::string> ReadLine(absl::Time deadline);
  bool Receive(absl::Time deadline);

  const bool events_;
  TcpSocket socket_;
  HttpReply reply_;
  // As it came, and without the ends of chunks.
  std::string raw_;
  std::string text_;
  bool last_chunk_ = false;
  int heartbeats_ = 0;
  int retry_ms_ = 0;
};

// Watches a room through any door, with the same face.
class RoomReader {
 public:
  virtual ~RoomReader() = default;
  // None at the end of the stream, and at the deadline.
  virtual std::optional<v1::ServerFrame> Read() = 0;
  // How the stream ended. Over HTTP: the status of an error, else OK if it ended as it should, UNKNOWN if it broke off.
  virtual absl::Status End() = 0;
};
// `since` may be null.
std::unique_ptr<RoomReader> WatchRoom(WatchDoor door, uint16_t http_port, uint16_t grpc_port, const std::string& room,
                                      const v1::Position* since = nullptr);

// "epoch:offset".
std::string PositionId(const v1::Position& position);

}  // namespace atrium
