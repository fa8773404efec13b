#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/http/http_message.h"
#include "server/live/io_shard.h"

namespace atrium {

// Sends what an observer gets as the body of one response: as server-sent events or as lines of JSON. Reads what the
// client sends meanwhile, to notice that it goes away, and throws it away. On the shard of its socket.
class HttpStream final : private Observer::Transport {
 public:
  // `socket` must outlive it. Events have a comment line each `heartbeat` in which nothing else is sent.
  HttpStream(IoShard& shard, boost::asio::ip::tcp::socket& socket, absl::Duration heartbeat);
  ~HttpStream() override;
  HttpStream(const HttpStream&) = delete;
  HttpStream& operator=(const HttpStream&) = delete;

  // Waits for the first frame. Not OK if it ended before one came.
  boost::asio::awaitable<absl::Status> Begin(StreamedBody& body);
  // The client has gone, or the connection was closed.
  bool gone() const { return gone_; }

  // Sends `head` and all frames, with the ends of chunks where asked for. False if the connection is of no more use.
  boost::asio::awaitable<bool> Send(std::string head, bool chunked);

  // Must be awaited before the end of the object.
  boost::asio::awaitable<void> Finish();

 private:
  void OnReady() override;

  // Reads on, until the client is gone or the end of the stream.
  void WatchSocket();
  void Gone();
  bool TooSlow() const;
  bool AtEnd() const;
  // Until something happens, or that time.
  boost::asio::awaitable<void> Sleep(std::chrono::steady_clock::time_point until);
  // Holds the bytes no longer than it takes.
  boost::asio::awaitable<bool> Write(std::string bytes);
  // What the frames that wait are on the wire; empty if none do.
  std::string TakeText();

  IoShard& shard_;
  boost::asio::ip::tcp::socket& socket_;
  const std::chrono::steady_clock::duration heartbeat_;
  // Cancelled when something happens.
  boost::asio::steady_timer alarm_;
  ReaderKind kind_ = ReaderKind::kJsonLines;
  std::shared_ptr<Observer> observer_;
  bool ready_ = false;
  bool gone_ = false;
  bool finishing_ = false;
  bool watching_socket_ = false;
};

}  // namespace atrium
